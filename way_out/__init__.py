"""Ways to leave CDKTF: the bindings of CDK Terrain, and stacks as HCL. The stacks themselves know of neither."""
