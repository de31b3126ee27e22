"""The calls about certificates: DN to GUID, the search, and the details of one.

Sources: the vendor's pages POST Config/DnToGuid, GET Certificates, GET Certificates/{guid} and Certificates status
filters, and its WebSDK OpenAPI 26.1.1. Forms of answers are those in the tests of public clients. What none of them
settles is a switch of `Behaviour`.
"""

from collections.abc import Mapping
from datetime import datetime

from reconciler.codec import Json
from reconciler.model.status import Status
from reconciler.sandbox.certificates import Asked, StoredCertificate
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.wire import Response, answer, text

_NEVER = "0001-01-01T00:00:00.0000000Z"
_DEFAULT_LIMIT = 100
_SUCCESS, _INSUFFICIENT_PRIVILEGES, _OBJECT_DOES_NOT_EXIST = 1, 7, 400
_MEMBER = {"dns": "DNS", "ip": "IPAddress", "email": "Email", "uri": "URI", "upn": "OtherNameUPN"}
_IN_ROWS = {"dns": "DNS", "ip": "IP", "email": "Email", "uri": "URI", "upn": "UPN"}
_CURVES = {"P256": "1.2.840.10045.3.1.7", "P384": "1.3.132.0.34", "P521": "1.3.132.0.35"}
_FEW = ("CN", "SANS", "Serial", "Thumbprint", "ValidFrom", "ValidTo")


async def dn_to_guid(tpp: Platform, call: ServerCall) -> Response:
    """GUID and class of an object. The Result is in the body, HTTP is 200 (page; contract)."""
    dn = text(call.body, "ObjectDN")
    found = tpp.certificates.named(dn)
    if found is not None and _is_among(tpp, call, found.hidden_from):
        return _no_object(tpp.behaviour.unviewed)
    if found is not None:
        return answer({**_identified(found.guid), "ClassName": found.kind})
    folder = dn.casefold() + "\\"
    if any(each.object.casefold().startswith(folder) for each in tpp.certificates):
        return answer({**_identified("7b1c0c5e-0d2a-4f57-9a53-2f6d1c0e8a13"), "ClassName": "Policy"})
    return _no_object(_OBJECT_DOES_NOT_EXIST)


def _identified(guid: str) -> dict[str, Json]:
    spelled = "{" + guid + "}"
    return {"GUID": spelled, "HierarchicalGUID": spelled, "Revision": 638412345678901234, "Result": _SUCCESS}


def _no_object(result: int) -> Response:
    why = "InsufficientPrivileges" if result == _INSUFFICIENT_PRIVILEGES else "ObjectDoesNotExist"
    return answer({"Error": f"Failed to look up the object; {why}.", "Result": result})


async def search(tpp: Platform, call: ServerCall) -> Response:
    """Short rows of all certificates that match every filter, one page of them."""
    asked = {name.casefold(): value for name, value in call.request.query}
    try:
        limit, offset = int(asked.get("limit", _DEFAULT_LIMIT)), int(asked.get("offset", 0))
        stages = [int(stage) for stage in _listed(asked, "stage")]
    except ValueError:
        return answer({"ErrorDetails": "A filter is not a number"}, 400)
    if limit < 1 or offset < 0:
        return answer({"ErrorDetails": "Limit must be positive, Offset not negative"}, 400)
    waiting = _waiting(tpp) if "pendingworkflow" in asked else None
    folders, names = set(_listed(asked, "parentdn")), set(_listed(asked, "name"))
    above = tuple(f"{folder}\\" for folder in _listed(asked, "parentdnrecursive"))
    found = [
        each
        for each in tpp.certificates
        if each.is_certificate
        and not _is_among(tpp, call, each.hidden_from)
        and ("parentdn" not in asked or each.parent.casefold() in folders)
        and (not above or each.object.casefold().startswith(above))
        and ("name" not in asked or each.name.casefold() in names)
        and ("stage" not in asked or each.stage in stages)
        and (waiting is None or each.object.casefold() in waiting)
    ]
    limit = min(limit, tpp.behaviour.most_rows or limit)
    page = found[offset : offset + limit]
    links: list[Json] = [{"Next": f"/vedsdk/certificates/?limit={limit}&offset={offset + limit}"}]
    body: dict[str, Json] = {
        "Certificates": [_row(tpp, call, each) for each in page],
        "DataRange": f"Certificates {offset + 1} - {offset + len(page)}",
        "TotalCount": len(page),
        "_links": links if offset + limit < len(found) else [],
    }
    reply = answer(body)
    counted = {"X-Record-Count": str(len(found))} if tpp.behaviour.record_count else {}
    return Response(reply.status, reply.body, headers=counted)


def _listed(asked: Mapping[str, str], name: str) -> list[str]:
    """Return the values of a filter: a comma ends one, so that no name with a comma can be asked for (page: "or")."""
    return [value.casefold() for value in asked[name].split(",")] if name in asked else []


def _waiting(tpp: Platform) -> set[str]:
    statuses = (Status.PENDING,) if tpp.behaviour.pending_workflow == "pending" else tuple(Status)
    return {ticket.object.casefold() for ticket in tpp.world.tickets.values() if ticket.status in statuses}


def _row(tpp: Platform, call: ServerCall, each: StoredCertificate) -> Json:
    row: dict[str, Json] = {
        **_object(each),
        "_links": [{"Details": f"/vedsdk/Certificates/%7B{each.guid}%7D"}],
    }
    if each.issued and not _is_among(tpp, call, each.closed_to):
        names = {_IN_ROWS[kind]: list(names) for kind, names in _names(each).items() if names}
        x509 = {**_details(each), "SANS": names}
        row["X509"] = {name: x509[name] for name in _FEW} if tpp.behaviour.row_members == "few" else x509
    return row


async def details(tpp: Platform, call: ServerCall) -> Response:
    """All that is told of one certificate object."""
    each = tpp.certificates.of_guid(call.request.rest)
    if each is None or not each.is_certificate or _is_among(tpp, call, each.hidden_from):
        return answer({"Error": "The certificate does not exist or the GUID is not valid."}, 400)
    body: dict[str, Json] = {
        **_object(each),
        "CreatedBy": ["Web SDK"],
        "ManagementType": "Provisioning",
        "CertificateAuthorityDN": each.authority,
    }
    if _is_among(tpp, call, each.closed_to):
        if tpp.behaviour.unread == "refused":
            return answer({"Error": "Insufficient privileges to read the certificate."}, 403)
        return answer(body)
    optional: dict[str, Json] = {
        "Consumers": list(each.consumers),
        "Contact": list(each.contacts),
        "Approver": list(each.approvers),
        "CustomFields": [
            {"Name": name, "Type": "Text", "Value": list(values)} for name, values in each.custom_fields.items()
        ],
    }
    empty = tpp.behaviour.empty_lists == "empty"
    body |= {name: value for name, value in optional.items() if value or empty}
    if each.issued:
        body["CertificateDetails"] = {**_details(each), **_spelled(_names(each), empty=empty)}
    body["RenewalDetails"] = _renewal(each, empty=empty)
    body["ProcessingDetails"] = _processing(tpp, each)
    body["ValidationDetails"] = {"LastValidationStateUpdate": _NEVER}
    return answer(body)


def _object(each: StoredCertificate) -> dict[str, Json]:
    return {
        "DN": each.object,
        "Guid": "{" + each.guid + "}",
        "Name": each.name,
        "ParentDn": each.parent,
        "SchemaClass": each.kind,
        "CreatedOn": _spelled_time(each.valid_to - each.lifetime),
    }


def _details(each: StoredCertificate) -> dict[str, Json]:
    organization = f'"{each.organization}"' if "," in each.organization else each.organization
    found: dict[str, Json] = {
        "CN": each.cn,
        "O": each.organization,
        "Subject": f"CN={each.cn}, O={organization}, C=DE",
        "Issuer": each.issuer,
        "Serial": each.serial,
        "Thumbprint": each.guid.replace("-", "").upper() + "00000000",
        "ValidFrom": _spelled_time(each.valid_to - each.lifetime),
        "ValidTo": _spelled_time(each.valid_to),
        "KeyAlgorithm": each.algorithm,
    }
    if each.curve:
        found["EllipticCurve"] = each.curve
    elif each.size is not None:
        found["KeySize"] = each.size
    return found


def _names(each: StoredCertificate) -> dict[str, tuple[str, ...]]:
    dns = (each.cn,) if each.dns is None else each.dns
    return {"dns": dns, "ip": each.ip, "email": each.email, "uri": each.uri, "upn": each.upn}


def _spelled(names: Mapping[str, tuple[str, ...]], *, empty: bool) -> dict[str, Json]:
    return {f"SubjectAltName{_MEMBER[kind]}": list(found) for kind, found in names.items() if found or empty}


def _renewal(each: StoredCertificate, *, empty: bool) -> dict[str, Json]:
    asked: Asked = each.asked
    names = _names(each)
    names |= {kind: found for kind in ("dns", "ip") if (found := getattr(asked, kind)) is not None}
    wanted: dict[str, Json] = {
        "Subject": each.cn if asked.common_name is None else asked.common_name,
        "Organization": each.organization if asked.organization is None else asked.organization,
        **_spelled(names, empty=empty),
    }
    size, curve = (asked.size, asked.curve or "") if asked.size or asked.curve else (each.size, each.curve)
    if curve:
        wanted["PkixParameterSet"] = _CURVES.get(curve, curve)
    elif size is not None:
        wanted["KeySize"] = size
    return wanted


def _processing(tpp: Platform, each: StoredCertificate) -> dict[str, Json]:
    """Nothing when no ticket is open, else the stage that waits and the ticket's object."""
    ticket = tpp.world.ticket_on(each.object)
    if ticket is None and not each.in_error:
        return {}
    found: dict[str, Json] = {"Stage": each.stage, "Status": each.status, "InProcess": not each.in_error}
    if each.in_error:
        found["InError"] = True
    if ticket is not None:
        found["TicketDN"] = f"\\VED\\Workflow Tickets\\{ticket.guid}"
    return found


def _is_among(tpp: Platform, call: ServerCall, names: tuple[str, ...]) -> bool:
    """Whether the caller, or a group of it, is among some identities in any spelling."""
    if not names:
        return False
    universals = {found.universal if (found := tpp.directory.find(name)) else name for name in names}
    return call.grant is not None and not universals.isdisjoint(tpp.directory.voices(call.grant.identity))


def _spelled_time(moment: datetime) -> str:
    """Spell an instant as certificate calls do: UTC with seven decimals."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"
