"""CloudWatch over moto's: metrics with their distribution, alarms that are evaluated, their history and actions.

statistics <- samples, alarm_rule, metric_math <- watched_alarm <- alarm_request, store, history, notifications
<- moto_alarms, actions <- evaluator <- service.
"""
