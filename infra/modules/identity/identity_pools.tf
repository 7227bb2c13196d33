# Identities of guests. They identify a guest and allow nothing: the services do everything on the guest's behalf.

resource "aws_cognito_identity_pool" "this" {
  for_each = var.identity_pools

  identity_pool_name               = "${var.prefix}-${each.key}"
  allow_unauthenticated_identities = each.value.unauthenticated
  allow_classic_flow               = false

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "guest_trust" {
  for_each = var.identity_pools

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["cognito-identity.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "cognito-identity.amazonaws.com:aud"
      values   = [aws_cognito_identity_pool.this[each.key].id]
    }

    condition {
      test     = "ForAnyValue:StringLike"
      variable = "cognito-identity.amazonaws.com:amr"
      values   = ["unauthenticated"]
    }
  }
}

# Cognito gives these sessions a policy of its own as well; a denial outweighs all that another policy allows.
data "aws_iam_policy_document" "guest" {
  statement {
    sid       = "Nothing"
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"] # A denial of everything.
  }
}

resource "aws_iam_role" "guest" {
  for_each = var.identity_pools

  name                 = "${var.prefix}-${each.key}-guest"
  description          = "A guest, without a password: may do nothing"
  assume_role_policy   = data.aws_iam_policy_document.guest_trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "guest" {
  for_each = var.identity_pools

  name   = "nothing"
  role   = aws_iam_role.guest[each.key].id
  policy = data.aws_iam_policy_document.guest.json
}

resource "aws_cognito_identity_pool_roles_attachment" "this" {
  for_each = var.identity_pools

  identity_pool_id = aws_cognito_identity_pool.this[each.key].id
  roles            = { unauthenticated = aws_iam_role.guest[each.key].arn }
}
