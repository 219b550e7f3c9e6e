"""Writes one message of each kind with pyiso20022, a library that shares nothing with ours.

The XML comes from its own classes, with namespace prefixes and element order of its own choosing.
"""

import importlib
import pathlib
import sys

from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig
from xsdata.models.datatype import XmlDate, XmlDateTime

NOW = XmlDateTime.from_string("2026-11-24T10:24:31+08:00")
DAY = XmlDate.from_string("2026-11-24")


def library(message: str):
    name = message.replace(".", "_")
    return importlib.import_module(f"pyiso20022.{message[:4]}.{name}.{name}")


def build(lib, hint, value):
    """Builds a dataclass of the library from plain values: dicts become the field's own type."""
    import dataclasses
    import typing

    if isinstance(value, list):
        (inner,) = typing.get_args(hint) or (hint,)
        return [build(lib, inner, one) for one in value]
    options = [one for one in typing.get_args(hint) if one is not type(None)] or [hint]
    kind = options[0]
    if typing.get_origin(kind) in (list, tuple):
        (inner, *_) = typing.get_args(kind)
        return [build(lib, inner, one) for one in value]
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            return kind(value)
        hints = typing.get_type_hints(kind, vars(lib))
        return kind(**{name: build(lib, hints[name], one) for name, one in value.items()})
    if isinstance(kind, type) and issubclass(kind, __import__("enum").Enum):
        return kind(value)
    return value


def money(yuan: str) -> dict:
    from decimal import Decimal

    return {"value": Decimal(yuan), "ccy": "CNY"}


def account(number: str) -> dict:
    return {"id": {"othr": {"id": number}}}


def order(version: str) -> dict:
    transfers = [("E2E-1", "3600.00"), ("E2E-2", "0.01"), ("E2E-3", "1234567890.12")]
    total = "1234571490.13"
    day = {"dt": DAY} if version == "09" else DAY
    bank = {"fin_instn_id": {"nm": "重庆银行"}}
    return {
        "cstmr_cdt_trf_initn": {
            "grp_hdr": {"msg_id": "MSG-1", "cre_dt_tm": NOW, "nb_of_txs": "3", "ctrl_sum": total,
                        "initg_pty": {"nm": "中心"}},
            "pmt_inf": [{
                "pmt_inf_id": "PMT-1", "pmt_mtd": "TRF", "reqd_exctn_dt": day, "dbtr": {"nm": "中心"},
                "dbtr_acct": account("6500007001"), "dbtr_agt": bank,
                "cdt_trf_tx_inf": [
                    {"pmt_id": {"end_to_end_id": id}, "amt": {"instd_amt": money(yuan)}, "cdtr_agt": bank,
                     "cdtr": {"nm": "李梅"}, "cdtr_acct": account("6217003760011234567"),
                     "rmt_inf": {"ustrd": ["租房", "提取"]}}
                    for id, yuan in transfers
                ],
            }],
        }
    }


def status(_: str) -> dict:
    return {
        "cstmr_pmt_sts_rpt": {
            "grp_hdr": {"msg_id": "RPT-1", "cre_dt_tm": NOW},
            "orgnl_grp_inf_and_sts": {"orgnl_msg_id": "MSG-1", "orgnl_msg_nm_id": "pain.001.001.09"},
            "orgnl_pmt_inf_and_sts": [{
                "orgnl_pmt_inf_id": "PMT-1",
                "tx_inf_and_sts": [
                    {"orgnl_end_to_end_id": "E2E-1", "tx_sts": "ACSC", "acct_svcr_ref": "REF-1"},
                    {"orgnl_end_to_end_id": "E2E-2", "tx_sts": "RJCT",
                     "sts_rsn_inf": [{"rsn": {"cd": "AC04"}, "addtl_inf": ["closed"]}]},
                    {"orgnl_end_to_end_id": "E2E-3", "tx_sts": "PDNG"},
                ],
            }],
        }
    }


def balance(code: str, yuan: str) -> dict:
    return {"tp": {"cd_or_prtry": {"cd": code}}, "amt": money(yuan), "cdt_dbt_ind": "CRDT", "dt": {"dt": DAY}}


def entry(reference: str, yuan: str, direction: str, details: dict) -> dict:
    return {
        "amt": money(yuan), "cdt_dbt_ind": direction, "sts": {"cd": "BOOK"}, "bookg_dt": {"dt": DAY},
        "acct_svcr_ref": reference,
        "bk_tx_cd": {"domn": {"cd": "PMNT", "fmly": {"cd": "RCDT", "sub_fmly_cd": "DMCT"}}},
        "ntry_dtls": [{"tx_dtls": [details]}],
    }


PAID_IN = entry("REF-1", "307200.00", "CRDT", {
    "rltd_pties": {"dbtr": {"pty": {"nm": "重庆山屿科技有限公司"}}, "dbtr_acct": account("50001234567890")},
    "rmt_inf": {"ustrd": ["HJ2611 0731 28"]},
})
PAID_OUT = entry("REF-2", "3600.00", "DBIT", {"refs": {"end_to_end_id": "E2E-1"}})


def statement(_: str) -> dict:
    return {
        "bk_to_cstmr_stmt": {
            "grp_hdr": {"msg_id": "STMT-1", "cre_dt_tm": NOW},
            "stmt": [{"id": "STMT-1", "acct": account("6500004001"),
                      "bal": [balance("OPBD", "1000.50"), balance("CLBD", "304600.50")],
                      "ntry": [PAID_IN, PAID_OUT]}],
        }
    }


def notice(_: str) -> dict:
    return {
        "bk_to_cstmr_dbt_cdt_ntfctn": {
            "grp_hdr": {"msg_id": "NTF-1", "cre_dt_tm": NOW},
            "ntfctn": [{"id": "NTF-1", "acct": account("6500004001"), "ntry": [PAID_IN]}],
        }
    }


def main(folder: pathlib.Path) -> None:
    serializer = XmlSerializer(config=SerializerConfig(xml_declaration=True))
    for message, content in [
        ("pain.001.001.09", order), ("pain.001.001.03", order), ("pain.002.001.03", status),
        ("pain.002.001.10", status), ("pain.002.001.12", status), ("camt.053.001.08", statement),
        ("camt.054.001.08", notice),
    ]:
        lib = library(message)
        document = build(lib, lib.Document, content(message[-2:]))
        # An explicit prefix: our reader must not depend on a default namespace.
        xml = serializer.render(document, ns_map={"iso": f"urn:iso:std:iso:20022:tech:xsd:{message}"})
        (folder / f"{message}.xml").write_text(xml, encoding="utf-8")


main(pathlib.Path(sys.argv[1]))
