"""profiles.yml to a target."""

import pytest

from headwater.project.options import Target
from headwater.project.profiles import ProfileRequest, ProfileResult, read_target

PROFILES = """\
shop:
  target: dev
  outputs:
    dev: {type: headwater, schema: dev_schema, threads: 8, memory_limit: 2GB}
    prod:
      type: headwater
      lake: "s3://bucket/{{ env_var('LAKE', 'lake') }}"
      catalog: prod
      settings: {preserve_insertion_order: false}
duck:
  outputs:
    default:
      type: duckdb
      path: "data/jaffle.duckdb"
      threads: "{{ 2 * 3 }}"
      settings: {memory_limit: 1GB}
      secrets: [{type: s3, secret: hush}]
    memory: {type: duckdb}
    named: {type: duckdb, path: x.duckdb, database: db, schema: s}
"""


def ask(
    profile: str | None = "shop", *, text: str | None = PROFILES, **options: object
) -> ProfileResult:
    request = {"environment": {}, "vars": {}, "text": text, "profile": profile, **options}
    return read_target(ProfileRequest(project="my_shop", **request))  # type: ignore[arg-type] # a test's shorthand


def target(*arguments: object, **options: object) -> Target:
    result = ask(*arguments, **options)  # type: ignore[arg-type] # a test's shorthand
    assert result.target is not None, result.diagnostics
    return result.target


def test_without_a_file_the_built_in_default_is_used() -> None:
    chosen = target(None, text=None)

    assert (chosen.catalog, chosen.schema, chosen.engine, chosen.threads) == (
        "my_shop",
        "main",
        "duckdb",
        4,
    )
    assert chosen.jinja["type"] == "duckdb"
    assert chosen.jinja["database"] == "my_shop"


def test_profile_that_the_file_lacks_falls_back_unless_it_was_asked_for() -> None:
    assert target("other").name == "default"
    assert [item.name for item in ask("other", is_explicit=True).diagnostics] == [
        "profile-not-found"
    ]


def test_headwater_output() -> None:
    chosen = target("shop")

    assert (chosen.name, chosen.type, chosen.catalog, chosen.schema) == (
        "dev",
        "headwater",
        "my_shop",
        "dev_schema",
    )
    assert (chosen.threads, chosen.memory_limit) == (8, "2GB")


def test_target_option_and_environment_are_read() -> None:
    chosen = target("shop", target="prod", environment={"LAKE": "gold"}, threads=2)

    assert (chosen.lake, chosen.catalog, chosen.threads) == ("s3://bucket/gold", "prod", 2)
    assert chosen.settings == {"preserve_insertion_order": False}


@pytest.mark.parametrize(
    ("output", "catalog", "schema"),
    [("default", "jaffle", "main"), ("memory", "memory", "main"), ("named", "db", "s")],
)
def test_duckdb_output_is_accepted_unchanged(output: str, catalog: str, schema: str) -> None:
    result = ask("duck", target=output)

    assert result.diagnostics == ()
    assert result.target is not None
    assert (result.target.catalog, result.target.schema) == (catalog, schema)


def test_a_secret_of_the_environment_is_put_in_whole_and_not_changed() -> None:
    text = 'a:\n  outputs:\n    default:\n      type: duckdb\n      schema: "{}"\n'
    asked = "env_var('DBT_ENV_SECRET_S')"
    environment = {"DBT_ENV_SECRET_S": "abc"}

    whole, joined = (
        read_target(
            ProfileRequest(
                project="p", profile="a", environment=environment, vars={},
                text=text.replace("{}", f"{{{{ {shown} }}}}"),
            )
        ).target
        for shown in (asked, f"{asked} | join(' ')")
    )  # fmt: skip

    assert whole is not None
    assert whole.schema == "abc"
    assert joined is None or "a b c" not in joined.schema


def test_templates_never_see_secrets() -> None:
    chosen = target("duck")

    assert "hush" not in str(chosen.jinja)
    assert (chosen.threads, chosen.memory_limit) == (6, "1GB")


FAULTS = [
    ("a: [\n", "a", "yaml-malformed", "profiles.yml:2:1"),
    ("- a", "a", "profile-malformed", "profiles.yml:1:1"),
    ("a: 7", "a", "profile-malformed", "profiles.yml:1:1"),
    ("a: {outputs: {}}", "a", "profile-malformed", "profiles.yml:1:1"),
    (
        "a:\n  target: x\n  outputs: {y: {type: duckdb}}",
        "a",
        "target-not-found",
        "profiles.yml:3:3",
    ),
    (
        "a:\n  outputs:\n    default: {type: oracle}",
        "a",
        "profile-type-unknown",
        "profiles.yml:3:15",
    ),
    (
        "a:\n  outputs:\n    default: {type: headwater, engine: duckbd}",
        "a",
        "engine-unknown",
        "profiles.yml:3:32",
    ),
    (
        "a:\n  outputs:\n    default: {type: headwater, threads: many}",
        "a",
        "profile-setting",
        "profiles.yml:3:32",
    ),
    (
        "a:\n  outputs:\n    default: {type: headwater, schema: \"{{ env_var('NO') }}\"}",
        "a",
        "env-var-not-found",
        "profiles.yml:1:1",
    ),
]


@pytest.mark.parametrize(
    ("text", "profile", "code", "place"), FAULTS, ids=[f[2] + f[0][:9] for f in FAULTS]
)
def test_fault_has_a_code_and_a_place(text: str, profile: str, code: str, place: str) -> None:
    result = ask(profile, text=text)

    assert result.target is None
    assert [(item.name, str(item.where)) for item in result.diagnostics] == [(code, place)]


def test_what_a_version_outlives_is_read_and_by_default_left_open() -> None:
    text = "a: {outputs: {default: {type: headwater, durability: process}}}"

    assert target("a", text=text).durability == "process"
    assert target().durability is None


def test_a_promise_that_nobody_knows_is_refused() -> None:
    result = ask("a", text="a: {outputs: {default: {type: headwater, durability: none}}}")

    assert result.target is None
    assert [(item.name, item.what[:12]) for item in result.diagnostics] == [
        ("profile-setting", "`durability`")
    ]


def test_unknown_key_of_an_output_is_a_warning() -> None:
    result = ask("a", text="a: {outputs: {default: {type: headwater, shcema: x}}}")

    assert result.target is not None
    assert [(d.name, d.severity, d.fix) for d in result.diagnostics] == [
        ("profile-setting", "warning", "did you mean `schema`?")
    ]
