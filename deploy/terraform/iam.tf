# What each process may do, and no more. docs/iam.md explains it; a test holds it to the calls that
# the code makes. How a process gets its policy (an instance's role, a pod's, a user) is yours.

data "aws_iam_policy_document" "bridge" {
  statement {
    sid = "TakeAndDeleteMessages"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.notifications.arn]
  }

  # Only for AWS_SNS_CONFIRM_SUBSCRIPTIONS; what is made here is subscribed already.
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

  # SES asks for the second one where a mail is sent raw, as all of ours are.
  statement {
    sid     = "SendFromOurDomains"
    actions = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = concat(
      [for identity in aws_sesv2_email_identity.domain : identity.arn],
      [local.configuration_set_arn],
    )
  }

  statement {
    sid       = "CountMessages"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.notifications.arn, aws_sqs_queue.dead_letters.arn]
  }
}

# The dashboard counts for itself, so that it tells the truth when no worker runs.
data "aws_iam_policy_document" "web" {
  statement {
    sid       = "CountMessages"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.notifications.arn, aws_sqs_queue.dead_letters.arn]
  }
}

# KEDA, or whatever else scales by the queue's depth.
data "aws_iam_policy_document" "autoscaler" {
  statement {
    sid       = "CountMessages"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.notifications.arn]
  }
}

# A person who looks into the dead-letter queue, and moves its messages back.
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
    resources = [aws_sqs_queue.notifications.arn]
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
