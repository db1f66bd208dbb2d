# Nothing here is created when manage_iam is false.
locals {
  assume_role = {
    for service in ["ec2", "scheduler", "events"] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "${service}.amazonaws.com" }
      }]
    })
  }
  glue_arn = "arn:${local.partition}:glue:${var.region}:${local.account_id}"
}

resource "aws_iam_role" "host" {
  count = var.manage_iam ? 1 : 0

  name               = "${local.snake_prefix}_ingestion_host"
  description        = "The ingestion host of the B3 lake"
  assume_role_policy = local.assume_role["ec2"]
  tags               = local.tags
}

resource "aws_iam_instance_profile" "host" {
  count = var.manage_iam ? 1 : 0

  # Untagged: accounts that let one create a profile often forbid iam:TagInstanceProfile.
  name = "${local.snake_prefix}_ingestion_host"
  role = aws_iam_role.host[0].name
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  count = var.manage_iam ? 1 : 0

  role       = aws_iam_role.host[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_role_policy" "host" {
  count = var.manage_iam ? 1 : 0

  name   = "ingestion"
  role   = aws_iam_role.host[0].name
  policy = data.aws_iam_policy_document.host.json
}

data "aws_iam_policy_document" "host" {
  statement {
    sid       = "RawObjects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    resources = [for prefix in concat([local.raw_prefix], local.beside_prefixes) : "${local.raw_bucket_arn}/${prefix}*"]
  }

  statement {
    sid       = "ListRaw"
    actions   = ["s3:ListBucket"]
    resources = [local.raw_bucket_arn]

    # IfExists: a read of an object that is not there is answered with 404 only to who may list the bucket, and such a
    # read names no prefix; without it the answer is 403, and a lake without events yet would look like a fault.
    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = [for prefix in concat([local.raw_prefix], local.beside_prefixes) : "${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = var.raw_bucket_kms_key_arn[*]

    content {
      sid       = "UseTheBucketsKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  statement {
    sid = "RegisterPartitions"
    actions = [
      "glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition",
      "glue:CreatePartition", "glue:BatchCreatePartition", "glue:UpdatePartition",
    ]
    resources = [
      "${local.glue_arn}:catalog",
      "${local.glue_arn}:database/${local.glue_database}",
      "${local.glue_arn}:table/${local.glue_database}/*",
    ]
  }

  statement {
    sid       = "ReadRelease"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.private["host"].arn}/release*"]
  }

  statement {
    sid       = "ListReleases"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.private["host"].arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["releases/*"]
    }
  }

  statement {
    #checkov:skip=CKV_AWS_111:PutMetricData knows no resource; the condition holds it to one namespace
    sid       = "ReportRuns"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [local.metric_namespace]
    }
  }

  dynamic "statement" {
    for_each = aws_cloudwatch_log_group.ingestion

    content {
      sid       = "WriteLog"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${statement.value.arn}:*"]
    }
  }
}
