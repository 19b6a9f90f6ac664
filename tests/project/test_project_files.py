"""Files beside dbt_project.yml: vars.yml, and the endings that templates may have."""

from tests.project.conftest import Read, found, node_of, project_of

from headwater.base.ids import NodeId
from headwater.graph.compile import compile_graph

MODEL = "select '{{ var('who') }}' as who"


def test_variables_may_stand_in_a_file_of_their_own(read: Read) -> None:
    result = read(
        {
            "dbt_project.yml": "name: shop\nmodels: {+schema: \"{{ var('who') }}\"}\n",
            "vars.yml": "vars:\n  who: me\n  shop: {where: here}\n",
            "models/a.sql": MODEL,
        }
    )

    assert found(result) == []
    assert project_of(result).vars["shop"]["who"] == "me"
    assert project_of(result).vars["shop"]["where"] == "here"
    assert str(node_of(result, "model.shop.a").relation) == "shop.main_me.a"


def test_variables_of_the_command_line_win_over_the_file(read: Read) -> None:
    files = {"vars.yml": "vars: {who: me}\n", "models/a.sql": MODEL}

    assert project_of(read(files, variables={"who": "you"})).vars["shop"]["who"] == "you"


def test_variables_stand_in_one_of_the_two_files(read: Read) -> None:
    files = {
        "dbt_project.yml": "name: shop\nvars: {a: 1}\n",
        "vars.yml": "vars: {b: 1}\n",
        "models/a.sql": "select 1",
    }

    assert found(read(files)) == [("vars-file-malformed", "dbt_project.yml:2:1")]
    assert found(read({**files, "vars.yml": "vars: {}\n"})) == []
    assert found(read({**files, "vars.yml": "b: 1\n"})) == [("vars-file-malformed", "vars.yml:1:1")]
    assert found(read({**files, "vars.yml": "vars: [b\n"}))[0][0] == "yaml-malformed"


def test_a_package_has_variables_of_its_own_file(read: Read) -> None:
    result = read(
        {
            "dbt_packages/lib/dbt_project.yml": "name: lib\n",
            "dbt_packages/lib/vars.yml": "vars: {who: lib}\n",
            "dbt_packages/lib/models/b.sql": MODEL,
        }
    )

    assert project_of(result).vars["lib"]["who"] == "lib"
    assert "who" not in project_of(result).vars["shop"]


def test_templates_may_have_an_ending_of_jinja_when_the_project_says_so(read: Read) -> None:
    files = {
        "models/a.sql.j2": "select 1 as id",
        "models/b_v1.sql.jinja": "select 1 as id",
        "models/d.md.jinja2": "{% docs about %}x{% enddocs %}",
        "macros/m.sql.jinja": "{% macro m() %}1{% endmacro %}",
        "models/p.yml": "models:\n  - name: b\n    versions: [{v: 1}]\n",
    }
    flag = "name: shop\nflags: {allow_jinja_file_extensions: true}\n"

    project = project_of(read({**files, "dbt_project.yml": flag}))

    assert NodeId("model.shop.a") in project.nodes
    assert NodeId("model.shop.b.v1") in project.nodes
    assert "doc.shop.about" in project.docs
    assert "macro.shop.m" in project.macros
    assert not project_of(read(files)).nodes


def test_catalogs_that_are_not_written_to_are_said(read: Read) -> None:
    catalogs = "catalogs:\n  - name: ice\n    active_write_integration: a\n"

    assert found(read({"catalogs.yml": catalogs})) == [("catalog-not-used", "catalogs.yml:2:5")]
    assert found(read({"catalogs.yml": "catalogs: {a: 1}\n"})) == [
        ("properties-shape", "catalogs.yml:1:1")
    ]
    assert found(read({"catalogs.yml": ""})) == []
    assert found(read({"catalogs.yml": "a: ["}))[0][0] == "yaml-malformed"


def test_ignored_files_are_named_by_classes_and_escapes(read: Read) -> None:
    names = ["a1", "a2", "b1", "c#", "d"]
    files = {f"models/{name}.sql": "select 1 as id" for name in names}
    ignored = "a[1-9].sql\n[!a-cz]*.sql\n\\#x\nmodels/c\\#.sql\n[z-a].sql\n/b9.sql\n"

    nodes = project_of(read({**files, ".dbtignore": ignored})).nodes

    assert [node.name for node in nodes.values()] == ["b1"]


def test_groups_and_constraints_are_seen_by_macros(read: Read) -> None:
    result = read(
        {
            "models/g.yml": (
                "groups: [{name: g, owner: {name: me}}]\n"
                "models:\n  - name: a\n    columns:\n"
                "      - {name: id, constraints: [{type: not_null}]}\n"
            ),
            "models/a.sql": (
                "select '{{ graph.groups.values() | map(attribute='name') | join }}' as g, "
                "'{{ (model.columns.id.constraints or [{}])[0].type }}' as c"
            ),
        }
    )

    graph = compile_graph(project_of(result)).graph

    assert graph.nodes[NodeId("model.shop.a")].code == "select 'g' as g, 'not_null' as c"
