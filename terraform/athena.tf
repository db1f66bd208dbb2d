resource "aws_athena_workgroup" "lake" {
  name          = "${local.snake_prefix}_wg"
  description   = "SQL over the B3 lake (${var.env})"
  force_destroy = true
  tags          = local.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena_bytes_scanned_cutoff

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${aws_s3_bucket.private["athena"].bucket}/results/"
      expected_bucket_owner = local.account_id

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

locals {
  queries = { for name in fileset("${path.module}/../queries", "*.sql") : trimsuffix(name, ".sql") => file("${path.module}/../queries/${name}") }
}

resource "aws_athena_named_query" "lake" {
  for_each = local.queries

  name        = each.key
  description = try(regex("^-- *([^\\n]{1,200})", each.value)[0], null)
  workgroup   = aws_athena_workgroup.lake.id
  database    = local.glue_database
  query       = each.value
}
