"""Credit risk: the probability that an applicant will not pay back, and what speaks against them.

One record covers the two public kinds of credit file. What both have comes first; a card holder's account
history (Taiwan) and an application form (Germany) are groups that a record has or leaves out. A version
knows the kind it was trained on, as its card says; the other kind's fields do not move its answer.
"""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing.categories import one_hot, one_hot_names
from maas.preprocessing.imputation import fill_constant

_MOST = 1e8
_MONTHS = 6

Education = Literal["graduate school", "university", "high school", "other"]
CheckingAccount = Literal["below 0", "0 to 200", "200 or more", "none"]
CreditHistory = Literal["no credits", "all paid here", "all paid till now", "delays", "critical"]
Purpose = Literal[
    "new car",
    "used car",
    "furniture",
    "radio or television",
    "domestic appliances",
    "repairs",
    "education",
    "vacation",
    "retraining",
    "business",
    "other",
]
Savings = Literal["below 100", "100 to 500", "500 to 1000", "1000 or more", "none or unknown"]
Employment = Literal["unemployed", "below 1 year", "1 to 4 years", "4 to 7 years", "7 years or more"]
OtherDebtors = Literal["none", "co-applicant", "guarantor"]
Property = Literal["real estate", "savings agreement or life insurance", "car or other", "none or unknown"]
OtherInstalments = Literal["bank", "stores", "none"]
Housing = Literal["rent", "own", "free"]
Job = Literal["unskilled non-resident", "unskilled resident", "skilled", "management"]
YesNo = Literal["yes", "no"]
Status = Annotated[float, Field(ge=-2, le=9)]
Billed = Annotated[float, Field(ge=-_MOST, le=_MOST)]
Paid = Annotated[float, Field(ge=0, le=_MOST)]


def _unused(example: Any, **more: Any) -> Any:
    text = "Not used by the model; taken so that its fairness can be checked."
    extra: dict[str, Any] = {"sensitive": True} | more.pop("extra", {})
    return Field(default=None, description=text, examples=[example], json_schema_extra=extra, **more)


def _monthly(text: str, unit: str, *examples: list[float]) -> Any:
    return Field(
        default=None,
        min_length=_MONTHS,
        max_length=_MONTHS,
        description=f"Account history: {text} in each of the last six months, the latest first.",
        examples=list(examples),
        json_schema_extra={"unit": unit},
    )


def _application(text: str, example: Any, unit: str = "", *, personal: bool = False, **more: Any) -> Any:
    extra: dict[str, Any] = ({"unit": unit} if unit else {}) | ({"sensitive": True} if personal else {})
    text = f"Application: {text}."
    return Field(default=None, description=text, examples=[None, example], json_schema_extra=extra, **more)


class Applicant(Record):
    """One person and one credit."""

    credit_amount: float = Field(
        ge=0,
        le=_MOST,
        description="Limit of the card, or amount of the loan.",
        examples=[120000.0],
        json_schema_extra={"unit": "NT$ or DM"},
    )
    sex: Literal["female", "male"] | None = _unused("female")
    age: float | None = _unused(34.0, ge=18, le=120, extra={"unit": "years"})
    marriage: Literal["married", "single", "other"] | None = _unused("single")
    education: Education | None = _unused("university")
    foreign_worker: YesNo | None = _unused(None)
    payment_status: list[Status] | None = _monthly(
        "-2 for nothing owed, -1 for paid in full, 0 for the minimum paid, 1 to 9 for so many months late,",
        "months",
        [2.0, 2.0, 0.0, 0.0, 0.0, 0.0],
        [-1.0, -1.0, -1.0, -1.0, -2.0, -2.0],
    )
    bills: list[Billed] | None = _monthly(
        "the balance", "NT$", [48200.0, 49100.0, 47300.0, 46000.0, 45100.0, 44800.0]
    )
    payments: list[Paid] | None = _monthly(
        "what was paid", "NT$", [0.0, 2200.0, 1900.0, 2000.0, 1800.0, 1700.0]
    )
    checking_account: CheckingAccount | None = _application("balance of the checking account, DM", "none")
    duration: float | None = _application("time to pay back", 24.0, "months", ge=0, le=600)
    credit_history: CreditHistory | None = _application("how earlier credits went", "all paid till now")
    purpose: Purpose | None = _application("what the money is for", "furniture")
    savings: Savings | None = _application("savings account or bonds, DM", "below 100")
    employment: Employment | None = _application(
        "time in the present employment", "1 to 4 years", personal=True
    )
    instalment_rate: float | None = _application(
        "instalments by income, in the file's classes of 1 to 4",
        3.0,
        "class",
        ge=0,
        le=100,
    )
    other_debtors: OtherDebtors | None = _application("who else is liable", "none")
    residence: float | None = _application(
        "time at the present address", 3.0, "years", ge=0, le=120, personal=True
    )
    property: Property | None = _application("the most valuable property", "real estate", personal=True)
    other_instalments: OtherInstalments | None = _application("instalments owed elsewhere", "none")
    housing: Housing | None = _application("housing", "rent", personal=True)
    existing_credits: float | None = _application(
        "credits at this bank, this one included", 1.0, "credits", ge=0, le=1000
    )
    job: Job | None = _application("kind of work", "skilled", personal=True)
    dependants: float | None = _application("people to maintain", 1.0, "people", ge=0, le=100, personal=True)
    telephone: YesNo | None = _application("a telephone in the applicant's name", "yes", personal=True)


_CHOICES: dict[str, tuple[str, ...]] = {
    "checking_account": get_args(CheckingAccount),
    "credit_history": get_args(CreditHistory),
    "purpose": get_args(Purpose),
    "savings": get_args(Savings),
    "employment": get_args(Employment),
    "other_debtors": get_args(OtherDebtors),
    "property": get_args(Property),
    "other_instalments": get_args(OtherInstalments),
    "housing": get_args(Housing),
    "job": get_args(Job),
    "telephone": get_args(YesNo),
}
# The application's numbers, with what stands for one that is not given.
_NUMBERS = {"instalment_rate": 3.0, "residence": 3.0, "existing_credits": 1.0, "dependants": 1.0}
_TYPICAL_DURATION = 18.0
_ALL, _EARLIER = range(1, _MONTHS + 1), range(2, _MONTHS + 1)

GROUPS: dict[str, tuple[str, ...]] = {
    "credit_amount": ("log_amount",),
    "latest_delay": ("status_1", "delay_1"),
    "earlier_delays": (
        *(f"status_{month}" for month in _EARLIER),
        "longest_delay",
        "months_late",
        "sum_of_delays",
        "months_unused",
        "months_paid",
        "months_revolving",
    ),
    "balance": (
        *(f"utilisation_{month}" for month in _ALL),
        "utilisation_mean",
        "utilisation_max",
        "utilisation_rise",
        "utilisation_latest_rise",
    ),
    "payments": (
        *(f"log_payment_{month}" for month in _ALL),
        *(f"share_paid_{month}" for month in range(1, _MONTHS)),
        "log_payments",
        "log_payment_min",
        "log_payment_max",
        "months_without_payment",
    ),
    "duration": ("duration", "log_amount_per_month"),
    **{name: (name,) for name in _NUMBERS},
    **{name: one_hot_names(name, choices) for name, choices in _CHOICES.items()},
}
"""The features by what they tell; the keys are the reason codes."""

FEATURES = tuple(name for names in GROUPS.values() for name in names)
_REASONS = np.array(list(GROUPS), object)
_NO_REASON = "none"
_LEAST_REASON = 0.005  # what moves the probability by less is no reason


class Risk(Prediction):
    """How likely default is, and why."""

    probability_of_default: float = Field(
        description="Probability that the credit will not be paid back as agreed.",
        examples=[0.6219],
        json_schema_extra={"unit": "probability", "decimals": 4, "probability_of": True},
    )
    reasons: list[str] = Field(
        min_length=3,
        max_length=3,
        description="What raises this applicant's risk most against a typical one, the strongest first: "
        f"{', '.join(GROUPS)}; {_NO_REASON} where there are fewer than three.",
        examples=[["latest_delay", "payments", "none"]],
    )


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32, finite; what is left out counts as 0."""
    amount = records["credit_amount"]
    log_amount = np.log1p(amount)
    status, bills, paid = (
        fill_constant(records[name], 0.0).values for name in ("payment_status", "bills", "payments")
    )
    delay, earlier = np.maximum(status, 0), status[:, 1:]
    used = np.clip(bills / np.maximum(amount, 1)[:, None], -1, 3)
    # A month's payment is for the bill of the month before.
    share = np.clip(paid[:, :-1] / np.maximum(bills[:, 1:], 1), 0, 2)
    duration = fill_constant(records["duration"], _TYPICAL_DURATION).values
    # Without a duration the amount has nothing to say here that it does not say on its own.
    per_month = np.where(np.isnan(records["duration"]), 0.0, log_amount - np.log(np.maximum(duration, 1)))
    return np.column_stack(
        [
            log_amount,
            status[:, 0],
            delay[:, 0],
            earlier,
            delay[:, 1:].max(axis=1),
            (earlier > 0).sum(axis=1),
            delay[:, 1:].sum(axis=1),
            (earlier == -2).sum(axis=1),  # noqa: PLR2004 - nothing owed
            (earlier == -1).sum(axis=1),
            (earlier == 0).sum(axis=1),
            used,
            used.mean(axis=1),
            used.max(axis=1),
            used[:, 0] - used[:, -1],
            used[:, 0] - used[:, 1],
            np.log1p(paid),
            share,
            np.log1p(paid.sum(axis=1)),
            np.log1p(paid.min(axis=1)),
            np.log1p(paid.max(axis=1)),
            (paid == 0).sum(axis=1),
            duration,
            per_month,
            *(fill_constant(records[name], typical).values for name, typical in _NUMBERS.items()),
            *(one_hot(records[name], choices) for name, choices in _CHOICES.items()),
        ]
    ).astype(np.float32)


def respond(outputs: Columns) -> Columns:
    """Probabilities of no default and default, and contributions by group, as the answer's fields."""
    # Rounded, so that the last digits of another machine's arithmetic do not change the order.
    gains = np.round(outputs["contributions"].astype(np.float64), 4)
    strongest = np.argsort(-gains, axis=1, kind="stable")[:, :3]
    enough = np.take_along_axis(gains, strongest, axis=1) >= _LEAST_REASON
    return {
        "probability_of_default": outputs["probabilities"][:, 1],
        "reasons": np.where(enough, _REASONS[strongest], _NO_REASON),
    }


handler = Endpoint("credit_risk", Applicant, Risk, features, feature_names=FEATURES, respond=respond)
