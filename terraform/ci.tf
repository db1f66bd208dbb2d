# The role with which .github/workflows/deploy.yml deploys the stack: only runs of ci_repository's GitHub environment named
# like this one may take it on, and it keeps no key. Whoever may deploy makes roles and runs code with them, and so is as
# good as an administrator of what these names cover: protect the GitHub environment.
locals {
  has_ci      = var.ci_repository != null && var.manage_iam
  github      = "token.actions.githubusercontent.com"
  github_arn  = "arn:${local.partition}:iam::${local.account_id}:oidc-provider/${local.github}"
  regional    = "${var.region}:${local.account_id}"
  sam_buckets = ["arn:${local.partition}:s3:::aws-sam-cli-managed-default-*", local.raw_bucket_arn]
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.has_ci && var.create_ci_provider ? 1 : 0

  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = local.tags
}

resource "aws_iam_role" "ci" {
  count = local.has_ci ? 1 : 0

  name        = "${local.snake_prefix}_ci"
  description = "Deploys the stack of ${local.prefix} from ${var.ci_repository}"
  tags        = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.github_arn }
      Condition = {
        StringEquals = {
          "${local.github}:aud" = "sts.amazonaws.com"
          "${local.github}:sub" = "repo:${var.ci_repository}:environment:${var.env}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "ci" {
  count = local.has_ci ? 1 : 0

  name   = "deploy"
  role   = aws_iam_role.ci[0].name
  policy = data.aws_iam_policy_document.ci.json
}

data "aws_iam_policy_document" "ci" {
  statement {
    sid     = "Stacks"
    actions = ["cloudformation:*"]
    resources = [
      "arn:${local.partition}:cloudformation:${local.regional}:stack/${local.prefix}/*",
      "arn:${local.partition}:cloudformation:${local.regional}:stack/aws-sam-cli-managed-default/*",
      "arn:${local.partition}:cloudformation:${var.region}:aws:transform/Serverless-2016-10-31",
    ]
  }

  statement {
    sid       = "UploadsAndTheRawBucketsSettings"
    actions   = ["s3:CreateBucket", "s3:Get*", "s3:ListBucket", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
    resources = local.sam_buckets
  }

  statement {
    sid       = "Uploads"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::aws-sam-cli-managed-default-*/${local.prefix}/*"]
  }

  statement {
    sid     = "WhatTheStackIsMadeOf"
    actions = ["cloudwatch:*", "events:*", "glue:*", "lambda:*", "logs:*", "sns:*", "sqs:*", "ssm:*"]
    resources = [
      "arn:${local.partition}:cloudwatch:${local.regional}:alarm:${local.snake_prefix}_*",
      "arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.snake_prefix}",
      "arn:${local.partition}:events:${local.regional}:rule/${local.snake_prefix}_*",
      "arn:${local.partition}:glue:${local.regional}:catalog",
      "arn:${local.partition}:glue:${local.regional}:database/${local.glue_database}",
      "arn:${local.partition}:glue:${local.regional}:table/${local.glue_database}/*",
      "arn:${local.partition}:glue:${local.regional}:job/${local.snake_prefix}_*",
      "arn:${local.partition}:lambda:${local.regional}:function:${local.snake_prefix}_*",
      "arn:${local.partition}:logs:${local.regional}:log-group:/aws/lambda/${local.snake_prefix}_*",
      "arn:${local.partition}:logs:${local.regional}:log-group:/aws-glue/jobs/${local.snake_prefix}_*",
      "arn:${local.partition}:sns:${local.regional}:${local.prefix}-*",
      "arn:${local.partition}:sqs:${local.regional}:${local.prefix}-*",
      "arn:${local.partition}:ssm:${local.regional}:parameter/tech-challenge2/${var.env}/*",
    ]
  }

  statement {
    #checkov:skip=CKV_AWS_356:an event source mapping has an id of AWS's making, and log groups are listed as a whole
    #checkov:skip=CKV_AWS_111:a mapping is held to this function by the condition
    sid       = "EventSourceMappings"
    actions   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = ["arn:${local.partition}:lambda:${local.regional}:function:${local.snake_prefix}_*"]
    }
  }

  statement {
    sid       = "ListLogGroups"
    actions   = ["logs:DescribeLogGroups", "lambda:ListEventSourceMappings"]
    resources = ["*"]
  }

  statement {
    sid       = "TheStacksRoles"
    actions   = ["iam:CreateRole", "iam:DeleteRole", "iam:GetRole*", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:TagRole", "iam:UpdateAssumeRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.prefix}-*"]
  }

  statement {
    sid       = "HandThemToTheirServices"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account_id}:role/${local.prefix}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com", "glue.amazonaws.com"]
    }
  }
}
