# The minimal policy for each process. docs/iam.md explains them, and a test compares them with the code's calls.
# Attach them as you like: to an instance's role, a pod's role or a user.

data "aws_iam_policy_document" "bridge" {
  statement {
    sid = "TakeAndDeleteMessages"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.notifications.arn, aws_sqs_queue.overflow.arn]
  }

  statement {
    sid       = "MoveToOverflow"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.overflow.arn]
  }

  # Only for AWS_SNS_CONFIRM_SUBSCRIPTIONS; the subscription created here needs no confirmation.
  statement {
    sid       = "ConfirmSubscriptions"
    actions   = ["sns:ConfirmSubscription"]
    resources = [aws_sns_topic.notifications.arn]
  }
}

data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "ReadAndDeleteMails"
    actions   = ["s3:DeleteObject", "s3:GetObject"]
    resources = ["${aws_s3_bucket.mails.arn}/*"]
  }

  statement {
    sid       = "KeepHeldMails"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.mails.arn}/held/*"]
  }

  # SES requires the second action for raw mails, and all of ours are raw.
  statement {
    sid     = "SendFromOurDomains"
    actions = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = concat(
      [for identity in aws_sesv2_email_identity.domain : identity.arn],
      [local.configuration_set_arn],
    )
  }

  # Reads the account's rate, quota and standing, and changes nothing. SES knows no resource for it.
  statement {
    sid       = "ReadTheAccount"
    actions   = ["ses:GetAccount"]
    resources = ["*"]
  }

  statement {
    sid       = "CountMessages"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [
      aws_sqs_queue.notifications.arn,
      aws_sqs_queue.overflow.arn,
      aws_sqs_queue.dead_letters.arn,
    ]
  }
}

# The dashboard reads the counts itself, so that they are right even if no worker runs.
data "aws_iam_policy_document" "web" {
  statement {
    sid       = "CountMessages"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [
      aws_sqs_queue.notifications.arn,
      aws_sqs_queue.overflow.arn,
      aws_sqs_queue.dead_letters.arn,
    ]
  }
}

# For KEDA, or another autoscaler that uses the queue's depth.
data "aws_iam_policy_document" "autoscaler" {
  statement {
    sid       = "CountMessages"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.notifications.arn]
  }
}

# For people who inspect the dead-letter queue and move its messages back.
data "aws_iam_policy_document" "operator" {
  statement {
    sid = "LookAtAndRedriveDeadLetters"
    actions = [
      "sqs:CancelMessageMoveTask",
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ListMessageMoveTasks",
      "sqs:ReceiveMessage",
      "sqs:StartMessageMoveTask",
    ]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  statement {
    sid       = "RedriveTo"
    actions   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
    resources = [aws_sqs_queue.notifications.arn, aws_sqs_queue.overflow.arn]
  }
}

locals {
  policies = {
    autoscaler = data.aws_iam_policy_document.autoscaler.json
    bridge     = data.aws_iam_policy_document.bridge.json
    operator   = data.aws_iam_policy_document.operator.json
    web        = data.aws_iam_policy_document.web.json
    worker     = data.aws_iam_policy_document.worker.json
  }
}

resource "aws_iam_policy" "process" {
  for_each = local.policies

  name   = "${var.name}-${each.key}"
  policy = each.value
}
