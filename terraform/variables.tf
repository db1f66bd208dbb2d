# The environment ------------------------------------------------------------------------------------------------

variable "env" {
  description = "Name of the environment, as given to `sam deploy`: part of every name here."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.env))
    error_message = "env must be 2 to 12 lowercase letters and digits, starting with a letter: it becomes part of bucket and database names."
  }
}

variable "region" {
  description = "AWS region of the lake: the one that `sam deploy` used."
  type        = string
  default     = "us-east-1"
}

variable "tags" {
  description = "Further tags on everything that takes tags, besides Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
}

variable "raw_bucket_name" {
  description = "The raw bucket, which the SAM stack owns. Null: `tech-challenge2-<env>-raw-<account>`, the stack's default."
  type        = string
  default     = null

  validation {
    condition     = var.raw_bucket_name == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.raw_bucket_name))
    error_message = "raw_bucket_name must be a bucket's name alone: no s3:// and no path."
  }
}

variable "raw_bucket_kms_key_arn" {
  description = "ARN of the KMS key that the raw bucket encrypts with, as the stack's RawBucketKmsKeyArn. Null: it uses none, or AWS's own."
  type        = string
  default     = null

  validation {
    condition     = var.raw_bucket_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/.+$", var.raw_bucket_kms_key_arn))
    error_message = "raw_bucket_kms_key_arn must be arn:aws:kms:<region>:<account>:key/<id>, no alias."
  }
}

# Access ---------------------------------------------------------------------------------------------------------

variable "manage_iam" {
  description = "Create the host's role and instance profile. False in an AWS Academy lab: no IAM resource at all is created, and the existing ones named below are used."
  type        = bool
  default     = true
}

variable "instance_profile_name" {
  description = "Existing instance profile of the host, used only when manage_iam is false."
  type        = string
  default     = "LabInstanceProfile"
}

variable "scheduler_role_name" {
  description = "Existing role that EventBridge Scheduler may assume to start the host, used only when manage_iam is false and stop_after_run is true. A lab's LabRole trusts it."
  type        = string
  default     = "LabRole"
}

variable "key_pair_name" {
  description = "Name of an existing EC2 key pair; with public_key_file, the name of the key pair to create from it. Null and no public_key_file: no key pair, access through Session Manager alone."
  type        = string
  default     = null
}

variable "public_key_file" {
  description = "Path of an SSH public key file to create the key pair from. Null: none is created."
  type        = string
  default     = null

  validation {
    condition     = var.public_key_file == null || can(regex("^(ssh-|ecdsa-)", file(pathexpand(var.public_key_file))))
    error_message = "public_key_file must be the path of an OpenSSH public key (a .pub file), never of the private one."
  }
}

variable "ssh_cidr" {
  description = "IPv4 range that may reach the host's port 22, such as 203.0.113.7/32. Null: nothing may, and Session Manager is the way in."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_cidr == null || (can(cidrnetmask(var.ssh_cidr)) && try(tonumber(split("/", var.ssh_cidr)[1]) >= 16, false))
    error_message = "ssh_cidr must be an IPv4 range of /16 or narrower: SSH is not opened to the world. Your own address is <address>/32."
  }
}

variable "ci_repository" {
  description = "GitHub repository, owner/name, whose environment named like env may deploy the stack (.github/workflows/deploy.yml). Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.ci_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.ci_repository))
    error_message = "ci_repository must be owner/name, without wildcards: whoever it names deploys with this account's rights."
  }
}

variable "create_ci_provider" {
  description = "Create the account's OIDC provider for GitHub with ci_repository. False: the account, which can have only one, has it already."
  type        = bool
  default     = true
}

# The host -------------------------------------------------------------------------------------------------------

variable "instance_type" {
  description = "EC2 instance type of the host, x86-64 or Graviton. The ingestion needs 1 GiB of memory."
  type        = string
  default     = "t3.micro"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type must look like t3.micro."
  }
}

variable "root_volume_gb" {
  description = "Size of the encrypted gp3 root volume, GiB."
  type        = number
  default     = 8

  validation {
    condition     = var.root_volume_gb >= 8 && var.root_volume_gb <= 1000 && floor(var.root_volume_gb) == var.root_volume_gb
    error_message = "root_volume_gb must be a whole number from 8 (the image's size) to 1000."
  }
}

variable "subnet_id" {
  description = "Subnet of the host; it needs a way out to the internet, where the quotes are. Null: a default subnet of the default VPC."
  type        = string
  default     = null
}

variable "associate_public_ip_address" {
  description = "Give the host a public IPv4 address. Null: as the subnet says (a default subnet gives one)."
  type        = bool
  default     = null
}

# The ingestion --------------------------------------------------------------------------------------------------

variable "tickers" {
  description = "B3 tickers to fetch, without .SA; ^BVSP is the index. Empty: the ingestion's own list (b3lake fetch --help)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for ticker in var.tickers : can(regex("^(\\^BVSP|IBOV|[A-Z0-9]*([A-Z][0-9]|[0-9][A-Z])[A-Z0-9]*)$", ticker))])
    error_message = "tickers must be B3 codes such as PETR4, BPAC11 or ^BVSP: uppercase, no .SA suffix."
  }
}

variable "start_date" {
  description = "START_DATE of every run, YYYY-MM-DD, for a backfill. Empty: the trailing window of the daily run."
  type        = string
  default     = ""

  validation {
    condition     = var.start_date == "" || (can(regex("^\\d{4}-\\d{2}-\\d{2}$", var.start_date)) && can(formatdate("YYYY", "${var.start_date}T00:00:00Z")))
    error_message = "start_date must be a date such as 2024-01-31, or empty."
  }
}

variable "end_date" {
  description = "END_DATE of every run, YYYY-MM-DD. Empty: the last session that is final."
  type        = string
  default     = ""

  validation {
    condition     = var.end_date == "" || (can(regex("^\\d{4}-\\d{2}-\\d{2}$", var.end_date)) && can(formatdate("YYYY", "${var.end_date}T00:00:00Z")))
    error_message = "end_date must be a date such as 2024-12-31, or empty."
  }
}

variable "ingestion_environment" {
  description = "Further environment variables of the ingestion, by name, such as SESSIONS or INTERVAL (`python ec2/fetch_b3_data.py --help` lists them)."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name, value in var.ingestion_environment : can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^[^\"'`$\\\\\\n]*$", value))
    ])
    error_message = "ingestion_environment takes names such as SESSIONS, and values without quotes, backslashes, dollar signs or line breaks."
  }
}

variable "schedule_time" {
  description = "When the daily run starts on weekdays, HH:MM in America/Sao_Paulo. By default 20:15, for Yahoo's bar of a session is final at 20:00, and 21:30 where ingestion_environment has SOURCE = b3, for B3 publishes its file until 21:05 or so. An earlier run gets the day before; one that comes before B3's file says so, and the next one takes the day."
  type        = string
  default     = null

  validation {
    condition     = var.schedule_time == null || can(regex("^([01]\\d|2[0-3]):[0-5]\\d$", coalesce(var.schedule_time, "-")))
    error_message = "schedule_time must be a time of day such as 20:15."
  }
}

variable "stop_after_run" {
  description = "Stop the host after each run and have EventBridge Scheduler start it for the next: minutes a day are paid for instead of the month. False: it stays on."
  type        = bool
  default     = true
}

# Being told -----------------------------------------------------------------------------------------------------

variable "alarm_email" {
  description = "Address that is told of failed and of missing runs. Null: the alarms are there, but tell no one."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "alarm_email must be one e-mail address."
  }
}

variable "alarm_webhook_url" {
  description = "A chat's webhook (https://…) that is told of alarms and failed runs, of the stack and of the host. Null: none is. The address is a secret."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.alarm_webhook_url == null || can(regex("^https://[^\\s/]+/\\S*$", var.alarm_webhook_url))
    error_message = "alarm_webhook_url must be an https:// address: EventBridge calls no other."
  }
}

variable "cloudwatch_logs" {
  description = "Copy each run's journal to CloudWatch Logs as well."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps a run's log."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs knows, such as 7, 30 or 365."
  }
}

# Athena ---------------------------------------------------------------------------------------------------------

variable "athena_bytes_scanned_cutoff" {
  description = "Bytes after which Athena cancels a query, at least 10,000,000. The default of 1 GiB costs about half a cent."
  type        = number
  default     = 1073741824

  validation {
    condition     = var.athena_bytes_scanned_cutoff >= 10000000 && floor(var.athena_bytes_scanned_cutoff) == var.athena_bytes_scanned_cutoff
    error_message = "athena_bytes_scanned_cutoff must be a whole number of at least 10000000 bytes, which is Athena's own minimum."
  }
}

variable "athena_results_days" {
  description = "Days after which query results are deleted."
  type        = number
  default     = 7

  validation {
    condition     = var.athena_results_days >= 1 && floor(var.athena_results_days) == var.athena_results_days
    error_message = "athena_results_days must be a whole number of at least 1."
  }
}
