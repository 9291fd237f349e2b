//! Templates in a running application (MODULES 21).

mod support;

use support::Project;

const MAIN: &str = "
  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [templates, registry] }";

/// A project with these entries, whose main prints what `body` does with `set`.
fn project(entries: &str, body: &str) -> Project {
    let main = format!(
        "local templates, registry = require('templates'), require('registry')
        local function show(text, err)
            print(if err then `{{err:kind()}}: {{err:message()}}` else text)
        end
        return function()
            local set = assert(templates.get('app:set'))
            {body}
        end"
    );
    Project::new().entries(entries).entries(MAIN).file("src/main.lua", &main)
}

#[test]
fn templates_know_each_other_and_the_data() {
    let entries = r#"
  - name: set
    kind: template.set
    engine: { delimiters: { left: "<<", right: ">>" }, development_mode: true }
    globals: { shop: "Tea & more", tax: { rate: 0.5 } }
  - name: base
    kind: template.jinja
    meta: { name: base.html }
    set: set
    source: "<< shop >>: {% block body %}-{% endblock %}"
  - name: page
    kind: template.jinja
    meta: { name: page.html }
    set: app:set
    source: "{% extends 'base.html' %}{% block body %}{% for x in list %}<< x.n * tax.rate >>,{% endfor %}{% endblock %}"
  - { name: plain, kind: template.jinja, set: set, source: "<< shop >> << value >> << more is none >>" }"#;
    let body = r#"
        print(set, templates.get("app:set") ~= set)
        show(set:render("page.html", { list = { { n = 1 }, { n = 3 } } }))
        show(set:render("plain", { value = { 1, "a", { b = true } } }))
        show(set:render("plain", { value = 2 ^ 40, more = 1 }))
        show(set:render("plain", { value = errors.new("<an error>"), more = 1 }))
        show(set:render("plain"))
        show(set:render("none"))
        show(set:render(""))
        show(templates.get(""))
        show(templates.get("app:main"))
        show(templates.get("app:nothing"))
        print(pcall(set.render, set, "plain", 1))
        print(set:release(), set:release(), set)
        show(set:render("plain"))"#;
    let told = project(entries, body).run(["-x", "app:main"]).exits(0).stdout;
    let expected = r#"template.Set{}	true
Tea &amp; more: 0.5,1.5,
Tea & more [1, 'a', {'b': True}] False
Tea & more 1099511627776 False
Tea & more <an error> False
Internal: failed to render template: undefined value: `value` is undefined (in plain:1)
NotFound: template not found
Invalid: template name is required
Invalid: resource id is required
Invalid: resource is not a template set
NotFound: template set not found: app:nothing
false	bad argument #3 to 'render' (table expected, got number)
true	true	template.Set{released}
Internal: template set is released
"#;
    assert_eq!(told, expected);
}

#[test]
fn mistakes_are_found_at_load_and_at_their_place() {
    let project = Project::new()
        .file("src/page.html", "<h1>{{ title }}</h1>\n  {% for x in %}\n{% endfor %}\n")
        .entries(
            r#"
  - { name: set, kind: template.set, engine: { autoescape: maybe } }
  - { name: other, kind: template.set, engine: { delimiters: { left: "{%", right: "%}" } } }
  - { name: page, kind: template.jinja, set: set, source: "file://page.html" }
  - { name: inline, kind: template.jinja, set: set, source: "{{ a" }
  - { name: twin, kind: template.jinja, meta: { name: inline }, set: set, source: "b" }
  - { name: lost, kind: template.jinja, set: nowhere, source: "c" }
  - { name: none, kind: template.jinja, source: "d" }
  - { name: empty, kind: template.jinja, set: set }
  - { name: jet, kind: template.jet, set: set, source: "e" }
  - { name: wrong, kind: template.jinja, set: processes, source: "f" }"#,
        );
    let told = project.luavisor(["check"]).exits(1).stderr;
    for part in [
        "src/_index.yaml:6:60: error: expected html or none, found \"maybe\"",
        "src/_index.yaml:7:13: error: invalid custom delimiters",
        "src/page.html:2:15: error: syntax error: ",
        "src/_index.yaml:9:61: error: line 1 of this code: syntax error: unexpected end of input",
        "error: two templates \"inline\" in app:set",
        "error: unknown template set \"app:nowhere\"",
        "error: set is required",
        "error: source is required",
        "error: template.jet is not supported, but template.jinja is",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

/// Whatever a template does: it ends, soon and within bounds, and holds nobody up.
#[test]
fn hostile_templates_end() {
    let entries = r#"
  - { name: set, kind: template.set }
  - { name: bomb, kind: template.jinja, set: set, source: "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}" }
  - { name: deep, kind: template.jinja, set: set, source: "{% include 'deep' %}" }
  - { name: self, kind: template.jinja, set: set, source: "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}" }
  - { name: wide, kind: template.jinja, set: set, source: "{% for a in range(40000) %}{{ text }}{% endfor %}" }
  - { name: twice, kind: template.jinja, set: set, source: "{% set n = namespace(a='aaaaaaaa') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}" }
  - { name: size, kind: template.jinja, set: set, source: "{{ text | length }}" }
  - { name: lost, kind: template.jinja, set: set, source: "{% include 'nowhere' %}" }"#;
    let body = r#"
        for _, name in { "bomb", "deep", "self", "twice", "lost" } do show(set:render(name)) end
        show(set:render("wide", { text = string.rep("x", 1000) }))
        show(set:render("size", { text = string.rep("x", 3000000) }))
        local loop = {}
        loop.loop = loop
        show(set:render("size", loop))"#;
    let told = project(entries, body).run(["-x", "app:main"]).exits(0).stdout;
    let expected = "Internal: failed to render template: engine ran out of fuel (in bomb:1)
Internal: failed to render template: invalid operation: recursion limit exceeded (in deep:1)
Internal: failed to render template: invalid operation: recursion limit exceeded (in self:1)
Internal: failed to render template: engine ran out of fuel (in twice:1)
Internal: failed to render template: template not found: tried to include non-existing template 'nowhere' (in lost:1)
Internal: failed to render template: more than 33554432 bytes
3000000
Internal: failed to render template: cannot encode recursively nested tables to template data
";
    assert_eq!(told, expected);
}

#[test]
fn changed_templates_are_rendered_next() {
    let entries = r#"
  - { name: set, kind: template.set }
  - { name: greeting, kind: template.jinja, set: set, source: "Hello {{ name }}" }"#;
    let body = r#"
        local function change(what, source)
            local changes = registry.snapshot():changes()
            if what == "delete" then
                changes:delete("app:greeting")
            else
                local data = { set = "app:set", source = source }
                changes[what](changes, { id = "app:greeting", kind = "template.jinja", data = data })
            end
            local version, err = changes:apply()
            show(version and version:string(), err)
            show(set:render("greeting", { name = "Ada" }))
        end
        change("update", "Hi {{ name }}")
        change("update", "Hi\n {{ name")
        change("delete")
        change("create", "Welcome {{ name }}")"#;
    let told = project(entries, body).run(["-x", "app:main"]).exits(0).stdout;
    let expected = "v2
Hi Ada
Invalid: apply changes: app:greeting:2: syntax error: unexpected end of input, expected end of variable block
Hi Ada
v3
NotFound: template not found
v4
Welcome Ada
";
    assert_eq!(told, expected);
}
