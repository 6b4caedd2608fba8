"""S3 locations as SageMaker writes them."""

import re
from dataclasses import dataclass

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?(.*)", re.DOTALL)


class InvalidS3UriError(ValueError):
    """Not an S3 URI."""


@dataclass(frozen=True)
class S3Uri:
    """A bucket and a key or prefix in it."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "S3Uri":
        """Read `s3://bucket/key`. Raises InvalidS3UriError."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise InvalidS3UriError(f"{uri} is not an S3 location (s3://bucket/prefix/)")
        return cls(*match.groups())

    def __truediv__(self, relative: str) -> "S3Uri":
        """The object `relative` below this prefix."""
        prefix = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        return S3Uri(self.bucket, prefix + relative.removeprefix("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
