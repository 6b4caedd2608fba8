"""The CDKTF application: settings of each environment, AWS names, and the stacks of an environment."""
