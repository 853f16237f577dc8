# SES's notifications: received mails, bounces, complaints. SNS signs their envelopes with version 2 (SHA256), so
# that the bridge can refuse version 1.

resource "aws_sns_topic" "notifications" {
  name              = var.name
  signature_version = 2
}

resource "aws_sns_topic_policy" "notifications" {
  arn    = aws_sns_topic.notifications.arn
  policy = data.aws_iam_policy_document.topic.json
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "SesPublishes"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notifications.arn]

    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.receipt_rule_arn, local.configuration_set_arn]
    }
  }
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn = aws_sns_topic.notifications.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.notifications.arn

  # Raw messages have no envelope and so no signature: the bridge rejects them.
  raw_message_delivery = false

  # SNS drops notifications if the queue's policy doesn't let it in.
  depends_on = [aws_sqs_queue_policy.notifications]
}
