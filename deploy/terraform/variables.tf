variable "name" {
  description = "What everything is named after: the queue, the topic, the policies."
  type        = string
  default     = "mail-relay"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "Small letters, digits and hyphens, at most 31, beginning with a letter."
  }
}

variable "mask_domains" {
  description = "The domains of masks, as in MASK_DOMAINS. SES takes the mail of each and of all names under it."
  type        = list(string)

  validation {
    condition     = length(var.mask_domains) > 0
    error_message = "At least one domain."
  }
}

variable "bucket_name" {
  description = "The name of the bucket of received mails. Names of buckets are unique in all of AWS."
  type        = string
}

variable "activate_rule_set" {
  description = "Whether to make ours the region's active rule set. An account has one active rule set in each region: say false where another one is in use, and add our rule to that."
  type        = bool
  default     = true
}

variable "mail_expiry_days" {
  description = "After how many days S3 deletes a mail that no worker has deleted. A message can wait in its queue for 4 days, and then in the dead-letter queue, for 14 days in all."
  type        = number
  default     = 15

  validation {
    condition     = var.mail_expiry_days >= 15
    error_message = "At least 15: a message may be redriven from the dead-letter queue after 14 days, and its mail must still be there."
  }
}

variable "visibility_timeout_seconds" {
  description = "PROCESS_EMAIL_VISIBILITY_SECONDS. The bridge says it anew with each receive; this is for others who look into the queue."
  type        = number
  default     = 120
}

variable "max_receive_count" {
  description = "How often a message is delivered before SQS moves it to the dead-letter queue. Each delivery that comes to nothing counts: a killed bridge, a certificate that can't be had, a dead letter that is tried anew. Ten are twenty minutes of a certificate host that is down."
  type        = number
  default     = 10

  validation {
    condition     = var.max_receive_count >= 3
    error_message = "At least 3: a redeployment alone may use up two."
  }
}

variable "alarm_actions" {
  description = "ARNs that are told when a message is dead-lettered, or waits for long. Empty: no alarms."
  type        = list(string)
  default     = []
}
