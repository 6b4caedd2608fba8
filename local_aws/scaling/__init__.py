"""Application Auto Scaling that acts on endpoints: moto keeps targets, policies and scheduled actions, and does nothing
with them.

step_scaling, target_tracking, schedule <- scheduled, activities <- autoscaler <- alarms, and moto_targets, which reads
what moto keeps.
"""
