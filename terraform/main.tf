data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# One state, one environment: with another env, Terraform would replace all that the state holds.
resource "terraform_data" "environment" {
  input = var.env

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == var.env
      error_message = "This state holds the environment ${self.output}, which would be replaced. Give ${var.env} a state of its own: terraform workspace new ${var.env}."
    }
  }
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # Buckets and EC2 names take hyphens; Glue and Athena names take underscores.
  prefix         = "tech-challenge2-${var.env}"
  snake_prefix   = "tech_challenge2_${var.env}"
  raw_bucket     = coalesce(var.raw_bucket_name, "${local.prefix}-raw-${local.account_id}")
  raw_bucket_arn = "arn:${local.partition}:s3:::${local.raw_bucket}"
  raw_prefix     = "raw/b3/"
  # Events with the answers that they were made of, rates, instruments, members of indexes: a table of one object each.
  beside_prefixes = ["events/", "rates/br/", "instruments/b3/", "portfolios/b3/"]
  glue_database   = local.snake_prefix
  timezone        = "America/Sao_Paulo"

  tags = merge({ Project = "b3-lake", Environment = var.env, ManagedBy = "terraform" }, var.tags)
}
