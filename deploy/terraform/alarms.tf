# Two alarms: messages are dead-lettered, or the relay doesn't process its queue.

locals {
  with_alarms = length(var.alarm_actions) > 0 ? 1 : 0
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count = local.with_alarms

  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "SQS moved messages to the dead-letter queue. It keeps them for 14 days after they were sent."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "age" {
  count = local.with_alarms

  alarm_name          = "${var.name}-age"
  alarm_description   = "The oldest message has waited for more than half an hour."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.notifications.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1800
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
}
