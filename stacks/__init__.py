"""The CDKTF application: settings of each environment, AWS names, and the four stacks of an environment."""
