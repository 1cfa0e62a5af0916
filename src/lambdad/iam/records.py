"""What IAM holds, as immutable values. Owns their shape; how they are written down is `kinds`'.

No rules here: what may exist and who may change it is decided in `services/iam`. Fields may be
added with a default; a stored document that lacks them reads as before.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from lambdad.core.value import Value
from lambdad.iam.naming import iam_arn

Tags = tuple[tuple[str, str], ...]
"""(key, value), in the order in which they were set. Keys are unique regardless of case."""


class KeyStatus(StrEnum):
    ACTIVE = "Active"
    INACTIVE = "Inactive"


class InlinePolicy(Value):
    name: str
    document: str
    """The JSON text as it was sent."""


class PolicyVersion(Value):
    id: str
    """`v1`, `v2` … never used again after a version is deleted."""
    document: str
    created_ms: int


class LoginProfile(Value):
    """That a user has a console password. There is no console, so the password is not kept."""

    created_ms: int
    reset_required: bool


class ServiceCredential(Value):
    """A password or API key of one AWS service. Nothing of ours takes it, so only its existence is
    kept."""

    id: str
    service: str
    status: KeyStatus
    created_ms: int
    number: int = 0
    """Tells a user's credentials of one service apart."""
    expires_ms: int | None = None
    """Only of API keys."""


class Record(Value, kw_only=True):
    """Anything stored under a kind and a name within an account."""

    KIND: ClassVar[str]

    @property
    def key(self) -> str:
        """What it is unique by, among its kind and account; two names that differ only in case
        share a key (IAM API reference: "names are not distinguished by case")."""
        raise NotImplementedError

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Record:
        """From the fields that `kinds.encode` wrote."""
        raise NotImplementedError


class Named(Record, kw_only=True):
    """A record with a unique id, a path and tags, and so an ARN."""

    ARN_KIND: ClassVar[str]
    name: str
    id: str
    path: str = "/"
    created_ms: int = 0
    tags: Tags = ()

    @property
    def key(self) -> str:
        return self.name.lower()

    def arn(self, account: str) -> str:
        """Its ARN within `account`."""
        return iam_arn(account, self.ARN_KIND, self.path, self.name)


class Identity(Named, kw_only=True):
    """What policies attach to: a user, a group, a role."""

    attached: tuple[str, ...] = ()
    """ARNs of managed policies, in order of attachment."""
    inline: tuple[InlinePolicy, ...] = ()
    """Sorted by name."""


class User(Identity, kw_only=True):
    KIND: ClassVar[str] = "user"
    ARN_KIND: ClassVar[str] = "user"
    boundary: str | None = None
    groups: tuple[str, ...] = ()
    """Names of the groups it is in."""
    login: LoginProfile | None = None
    credentials: tuple[ServiceCredential, ...] = ()

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> User:
        login = fields.get("login")
        credentials = (
            ServiceCredential(**{**each, "status": KeyStatus(each["status"])})
            for each in fields.get("credentials", ())
        )
        return cls(
            **_identity(fields)
            | {
                "groups": tuple(fields.get("groups", ())),
                "login": LoginProfile(**login) if login else None,
                "credentials": tuple(credentials),
            }
        )


class Group(Identity, kw_only=True):
    KIND: ClassVar[str] = "group"
    ARN_KIND: ClassVar[str] = "group"

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Group:
        return cls(**_identity(fields))


class Role(Identity, kw_only=True):
    KIND: ClassVar[str] = "role"
    ARN_KIND: ClassVar[str] = "role"
    trust: str
    """Who may assume it: the JSON text as it was sent."""
    description: str | None = None
    max_session_s: int = 3600
    boundary: str | None = None
    linked_service: str | None = None
    """The service principal that owns it, if it is a service-linked role."""

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Role:
        return cls(**_identity(fields))


class ManagedPolicy(Named, kw_only=True):
    KIND: ClassVar[str] = "policy"
    ARN_KIND: ClassVar[str] = "policy"
    versions: tuple[PolicyVersion, ...]
    """Oldest first."""
    default_version: str
    versions_made: int
    """How many there ever were; the next is one more."""
    updated_ms: int
    description: str | None = None

    @property
    def document(self) -> str:
        """The default version's JSON text: what is in force."""
        return next(each.document for each in self.versions if each.id == self.default_version)

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> ManagedPolicy:
        versions = tuple(PolicyVersion(**each) for each in fields["versions"])
        return cls(**fields | {"tags": _tags(fields), "versions": versions})


class InstanceProfile(Named, kw_only=True):
    KIND: ClassVar[str] = "instance-profile"
    ARN_KIND: ClassVar[str] = "instance-profile"
    role: str | None = None

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> InstanceProfile:
        return cls(**fields | {"tags": _tags(fields)})


class AccessKey(Record, kw_only=True):
    """A long-term access key of a user."""

    UNSHOWN = ("sealed_secret",)

    KIND: ClassVar[str] = "access-key"
    id: str
    user: str
    status: KeyStatus
    created_ms: int
    sealed_secret: str
    """The secret access key, encrypted (`storage/sealing.py`) for this key id, in base64."""

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> AccessKey:
        return cls(**fields | {"status": KeyStatus(fields["status"])})


class LastUse(Record, kw_only=True):
    """When an access key or a role was last used. Written late: it may miss the last minute."""

    KIND: ClassVar[str] = "last-use"
    of: str
    """The access key's or the role's unique id."""
    at_ms: int
    region: str
    service: str

    @property
    def key(self) -> str:
        return self.of

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> LastUse:
        return cls(**fields)


class OidcProvider(Record, kw_only=True):
    """Trust in an OpenID Connect issuer."""

    KIND: ClassVar[str] = "oidc-provider"
    url: str
    """The issuer without `https://`."""
    created_ms: int
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: Tags = ()

    @property
    def key(self) -> str:
        return self.url

    def arn(self, account: str) -> str:
        """Its ARN within `account`."""
        return iam_arn(account, "oidc-provider", "/", self.url)

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> OidcProvider:
        lists = {name: tuple(fields[name]) for name in ("client_ids", "thumbprints")}
        return cls(**fields | lists | {"tags": _tags(fields)})


class SamlKey(Value):
    """That a SAML provider has a private key. Nothing here decrypts with it, so it is not kept."""

    id: str
    uploaded_ms: int


class SamlProvider(Record, kw_only=True):
    """Trust in a SAML identity provider; stored for the tools that manage it."""

    KIND: ClassVar[str] = "saml-provider"
    name: str
    metadata: str
    created_ms: int
    valid_until_ms: int
    tags: Tags = ()
    uuid: str = ""
    """Empty for those made before providers had one."""
    encryption: str | None = None
    """AWS's AssertionEncryptionMode; None: nobody has set it."""
    private_keys: tuple[SamlKey, ...] = ()
    """Oldest first."""

    @property
    def key(self) -> str:
        return self.name.lower()

    def arn(self, account: str) -> str:
        """Its ARN within `account`."""
        return iam_arn(account, "saml-provider", "/", self.name)

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> SamlProvider:
        keys = tuple(SamlKey(**each) for each in fields.get("private_keys", ()))
        return cls(**fields | {"tags": _tags(fields), "private_keys": keys})


class MfaDevice(Record, kw_only=True):
    """A virtual MFA device."""

    UNSHOWN = ("sealed_seed",)

    KIND: ClassVar[str] = "mfa-device"
    name: str
    path: str = "/"
    created_ms: int
    sealed_seed: str
    """What its codes are made from, encrypted (`storage/sealing.py`) for its ARN, in base64."""
    tags: Tags = ()
    user: str | None = None
    """Whose it is; None until it is enabled."""
    enabled_ms: int = 0
    drift_steps: int = 0
    """How far its clock is ahead of ours, in steps of `iam/one_time_codes.py`."""
    last_step: int = 0
    """Of the last code that was used: none before it counts any more."""

    @property
    def key(self) -> str:
        return f"{self.path}{self.name}".lower()

    def arn(self, account: str) -> str:
        """Its ARN within `account`, which is its serial number."""
        return iam_arn(account, "mfa", self.path, self.name)

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> MfaDevice:
        return cls(**fields | {"tags": _tags(fields)})


class AccountSettings(Record, kw_only=True):
    """What an account has one of."""

    KIND: ClassVar[str] = "account"
    alias: str | None = None
    password_policy: tuple[tuple[str, bool | int], ...] | None = None
    """Members of AWS's PasswordPolicy, in AWS's spelling."""
    token_version: int = 1
    """Which tokens STS's global endpoint gives out, as tools set it; ours are all alike."""

    @property
    def key(self) -> str:
        return ""

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> AccountSettings:
        policy = fields.get("password_policy")
        pairs = None if policy is None else tuple((name, value) for name, value in policy)
        return cls(**fields | {"password_policy": pairs})


def _tags(fields: dict[str, Any]) -> Tags:
    return tuple((key, value) for key, value in fields.get("tags", ()))


def _identity(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {
        "tags": _tags(fields),
        "attached": tuple(fields.get("attached", ())),
        "inline": tuple(InlinePolicy(**each) for each in fields.get("inline", ())),
    }
