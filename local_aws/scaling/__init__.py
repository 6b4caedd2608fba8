"""Application Auto Scaling that acts on endpoints: moto keeps targets and policies, and does nothing with them.

target_tracking <- autoscaler; moto_targets reads what moto keeps.
"""
