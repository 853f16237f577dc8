variable "name" {
  description = "The name of the queue, the topic and SES's sets, and the prefix of all other names."
  type        = string
  default     = "mail-relay"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "Use 2 to 31 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "mask_domains" {
  description = "The domains of masks, as in MASK_DOMAINS. SES receives mail for each domain and all its subdomains."
  type        = list(string)

  validation {
    condition     = length(var.mask_domains) > 0
    error_message = "Name at least one domain."
  }
}

variable "bucket_name" {
  description = "The bucket for received mails. Its name must be unique in all of AWS."
  type        = string
}

variable "activate_rule_set" {
  description = "Whether to activate our rule set. Only one is active per account and region: if you use another, set this to false and add our rule to yours."
  type        = bool
  default     = true
}

variable "mail_expiry_days" {
  description = "Days after which S3 deletes a mail that no worker has deleted. Its message can wait in the queue or the dead-letter queue until it is 14 days old."
  type        = number
  default     = 15

  validation {
    condition     = var.mail_expiry_days >= 15
    error_message = "At least 15: a message may be moved back from the dead-letter queue after 14 days, and its mail must still exist."
  }
}

variable "held_mail_keep_days" {
  description = "HELD_MAIL_KEEP_DAYS. How long the relay keeps a mail that it holds for its owner. S3 deletes one only 15 days later."
  type        = number
  default     = 30

  validation {
    condition     = var.held_mail_keep_days >= 1 && var.held_mail_keep_days <= 365
    error_message = "From 1 to 365 days."
  }
}

variable "visibility_timeout_seconds" {
  description = "PROCESS_EMAIL_VISIBILITY_SECONDS. The bridge sets it with each receive; this value applies to other consumers of the queue."
  type        = number
  default     = 120
}

variable "max_receive_count" {
  description = "How often SQS delivers a message before it moves it to the dead-letter queue: 24 for each bridge, and 12. So no mail gets there in an outage of 24 hours in which every bridge is restarted each hour, and a rejected message does within about two hours. docs/delivery.md has the arithmetic."
  type        = number
  default     = 60

  validation {
    condition     = var.max_receive_count >= 36
    error_message = "At least 36: with one bridge, an outage of 24 hours can cost that many."
  }
}

variable "alarm_actions" {
  description = "ARNs to notify when a message is dead-lettered or has waited too long. Empty: no alarms."
  type        = list(string)
  default     = []
}
