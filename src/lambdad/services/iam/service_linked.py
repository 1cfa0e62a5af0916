"""Service-linked roles: made and unmade on behalf of an AWS service."""

from __future__ import annotations

import json

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import new_uuid
from lambdad.iam import naming
from lambdad.iam.errors import AccessDenied
from lambdad.iam.managed import ServiceRole
from lambdad.iam.records import Role
from lambdad.services.iam.entities import require
from lambdad.services.iam.errors import InvalidInputException, NoSuchEntityException
from lambdad.services.iam.roles import forget
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import bare_role


@operation("iam", "CreateServiceLinkedRole")
async def create_service_linked_role(service: IamService, call: Call, params: Params) -> Result:
    owner = params["AWSServiceName"]
    template = service.service_roles.get(owner)
    if template is None:
        raise AccessDenied(f"Cannot find Service Linked Role template for {owner}")
    name = _name(template, owner, params.get("CustomSuffix"))
    async with service.store.edit(call.account) as draft:
        if draft.get(Role, name.lower()) is not None:
            raise InvalidInputException(
                f"Service role name {name} has been taken in this account, please try a different "
                "suffix."
            )
        role = Role(
            name=name,
            id=naming.new_unique_id(naming.ROLE),
            path=f"/aws-service-role/{owner}/",
            created_ms=service.now_ms(),
            trust=_trust(owner),
            description=params.get("Description", template.description),
            attached=template.policies,
            linked_service=owner,
        )
        draft.put(role)
    return {"Role": bare_role(call.account, role) | {"Description": role.description}}


@operation("iam", "DeleteServiceLinkedRole")
async def delete_service_linked_role(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        role = require(draft, Role, params["RoleName"])
        if role.linked_service is None:
            raise InvalidInputException(f"Role {role.name} is not a service linked role.")
        forget(draft, role)
    return {
        "DeletionTaskId": f"task/aws-service-role/{role.linked_service}/{role.name}/{new_uuid()}"
    }


@operation("iam", "GetServiceLinkedRoleDeletionStatus")
async def get_deletion_status(service: IamService, call: Call, params: Params) -> Result:
    """A deletion is over when its task id is answered: nothing here uses such roles."""
    match params["DeletionTaskId"].split("/"):
        case ["task", "aws-service-role", _, _, _]:
            return {"Status": "SUCCEEDED"}
    raise NoSuchEntityException(f"Deletion task id {params['DeletionTaskId']} does not exist.")


def _name(template: ServiceRole, owner: str, suffix: str | None) -> str:
    if suffix is None:
        return template.role
    if not template.suffix_allowed:
        raise InvalidInputException(f"Custom suffix is not allowed for {owner}")
    return f"{template.role}_{suffix}"


def _trust(owner: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": owner},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


OPERATIONS: tuple[Implementation, ...] = (
    create_service_linked_role,
    delete_service_linked_role,
    get_deletion_status,
)
