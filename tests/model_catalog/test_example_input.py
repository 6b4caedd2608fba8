"""Inputs that are made from what the lock file records."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.model_server.decode import *  # noqa: F403
