"""IAM through boto3: nothing is lost by a crash, and what creates answered is what reads answer.

Source: the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import body
from support.certificates import certified, ssh_key
from support.iam import BASIC, TAGS, TEXT, TRUST_TEXT, arn

METADATA = f"<EntityDescriptor >{'x' * 1000}</EntityDescriptor>"
OIDC = arn("oidc-provider/kept.example")
READS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_user", {"UserName": "kept"}),
    ("get_group", {"GroupName": "kept"}),
    ("get_role", {"RoleName": "kept"}),
    ("get_policy", {"PolicyArn": arn("policy/kept/kept")}),
    ("get_policy_version", {"PolicyArn": arn("policy/kept/kept"), "VersionId": "v2"}),
    ("get_instance_profile", {"InstanceProfileName": "kept"}),
    ("get_login_profile", {"UserName": "kept"}),
    ("get_user_policy", {"UserName": "kept", "PolicyName": "kept"}),
    ("get_group_policy", {"GroupName": "kept", "PolicyName": "kept"}),
    ("get_role_policy", {"RoleName": "kept", "PolicyName": "kept"}),
    ("get_saml_provider", {"SAMLProviderArn": arn("saml-provider/kept")}),
    (
        "get_open_id_connect_provider",
        {"OpenIDConnectProviderArn": arn("oidc-provider/kept.example")},
    ),
    ("get_server_certificate", {"ServerCertificateName": "kept"}),
    ("get_account_password_policy", {}),
    ("list_access_keys", {"UserName": "kept"}),
    ("list_account_aliases", {}),
    ("list_attached_group_policies", {"GroupName": "kept"}),
    ("list_attached_role_policies", {"RoleName": "kept"}),
    ("list_attached_user_policies", {"UserName": "kept"}),
    ("list_entities_for_policy", {"PolicyArn": arn("policy/kept/kept")}),
    ("list_groups", {}),
    ("list_groups_for_user", {"UserName": "kept"}),
    ("list_instance_profiles", {}),
    ("list_mfa_device_tags", {"SerialNumber": arn("mfa/kept")}),
    ("list_policies", {"Scope": "Local"}),
    ("list_policy_versions", {"PolicyArn": arn("policy/kept/kept")}),
    ("list_roles", {}),
    ("list_service_specific_credentials", {"UserName": "kept"}),
    ("list_signing_certificates", {"UserName": "kept"}),
    ("list_ssh_public_keys", {"UserName": "kept"}),
    ("list_user_tags", {"UserName": "kept"}),
    ("list_users", {}),
    ("list_virtual_mfa_devices", {}),
    ("get_account_authorization_details", {}),
    ("get_account_summary", {}),
)


def make_one_of_everything(iam: Any) -> None:
    """Each create that a read answers alike (API reference) is compared with that read."""
    user, policy = {"UserName": "kept"}, {"PolicyArn": arn("policy/kept/kept")}
    made = iam.create_policy(
        PolicyName="kept", Path="/kept/", PolicyDocument=TEXT, Description="all", Tags=TAGS
    )
    assert body(made) == body(iam.get_policy(**policy))
    iam.create_policy_version(**policy, PolicyDocument=TEXT, SetAsDefault=True)
    made = iam.create_user(**user, Path="/kept/", PermissionsBoundary=BASIC, Tags=TAGS)
    assert body(made) == body(iam.get_user(**user))
    made = body(iam.create_group(GroupName="kept", Path="/kept/"))
    assert body(iam.get_group(GroupName="kept")) == made | {"Users": [], "IsTruncated": False}
    made = body(
        iam.create_role(
            RoleName="kept",
            AssumeRolePolicyDocument=TRUST_TEXT,
            Description="all",
            MaxSessionDuration=7200,
            PermissionsBoundary=policy["PolicyArn"],
            Tags=TAGS,
        )
    )
    made["Role"]["RoleLastUsed"] = {}
    assert body(iam.get_role(RoleName="kept")) == made
    made = iam.create_instance_profile(InstanceProfileName="kept", Tags=TAGS)
    assert body(made) == body(iam.get_instance_profile(InstanceProfileName="kept"))
    made = iam.create_login_profile(**user, Password="Correct-Horse-1")
    assert body(made) == body(iam.get_login_profile(**user))
    join_everything(iam)
    iam.create_access_key(**user)
    iam.create_service_specific_credential(
        **user, ServiceName="bedrock.amazonaws.com", CredentialAgeDays=3
    )
    certificate, key = certified("kept.example")
    iam.upload_signing_certificate(**user, CertificateBody=certificate)
    iam.upload_ssh_public_key(**user, SSHPublicKeyBody=ssh_key(1))
    iam.upload_server_certificate(
        ServerCertificateName="kept", CertificateBody=certificate, PrivateKey=key, Tags=TAGS
    )
    iam.create_virtual_mfa_device(VirtualMFADeviceName="kept", Tags=TAGS)
    iam.create_open_id_connect_provider(Url="https://kept.example", ClientIDList=["c"], Tags=TAGS)
    iam.create_saml_provider(
        Name="kept",
        SAMLMetadataDocument=METADATA,
        AddPrivateKey="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        AssertionEncryptionMode="Required",
        Tags=TAGS,
    )
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    iam.create_account_alias(AccountAlias="kept")
    iam.update_account_password_policy(MinimumPasswordLength=12, MaxPasswordAge=90)


def join_everything(iam: Any) -> None:
    """Users into groups, roles into instance profiles, policies to all of them."""
    arns, inline = {"PolicyArn": arn("policy/kept/kept")}, {"PolicyName": "kept"}
    iam.add_user_to_group(UserName="kept", GroupName="kept")
    iam.add_role_to_instance_profile(InstanceProfileName="kept", RoleName="kept")
    for noun in ("User", "Group", "Role"):
        which = {f"{noun}Name": "kept"}
        getattr(iam, f"attach_{noun.lower()}_policy")(**which, **arns)
        getattr(iam, f"put_{noun.lower()}_policy")(**which, **inline, PolicyDocument=TEXT)


def test_one_of_everything_outlives_a_crash(start_server: Any) -> None:
    server = start_server()
    iam = server.client("iam")
    make_one_of_everything(iam)
    before = {name: body(getattr(iam, name)(**params)) for name, params in READS}
    server.kill9()
    server.start()
    iam = server.client("iam")
    assert {name: body(getattr(iam, name)(**params)) for name, params in READS} == before


def test_a_key_outlives_a_crash_and_its_secret_is_nowhere(start_server: Any) -> None:
    server = start_server()
    iam = server.client("iam")
    iam.create_user(UserName="kept")
    key = iam.create_access_key(UserName="kept")["AccessKey"]
    made = iam.create_policy(PolicyName="kept", PolicyDocument=TEXT)["Policy"]
    iam.attach_user_policy(UserName="kept", PolicyArn=made["Arn"])
    server.kill9()
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    secret = key["SecretAccessKey"].encode()
    assert all(secret not in path.read_bytes() for path in files)
    server.start()
    iam = server.client("iam")
    attached = iam.list_attached_user_policies(UserName="kept")["AttachedPolicies"]
    assert attached == [{"PolicyName": "kept", "PolicyArn": made["Arn"]}]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    identity = server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"] == arn("user/kept")
    assert key["SecretAccessKey"] not in server.log_text()
