local env = require("env")
local registry = require("registry")
local expect = require("expect")

local function entries_are_found_by_what_they_are()
	local own = registry.get("app.tests:entries_are_found_by_what_they_are")
	expect.same(own.kind, "function.lua")
	expect.same(own.data.method, "entries_are_found_by_what_they_are")
	local found = registry.find({ [".kind"] = "function.*", ["meta.covers"] = { "find" } })
	expect.same(#found, 1)
	expect.same(found[1].id, own.id)
	expect.same(#registry.find({ suite = "nothing" }), 0)
end

-- What an entry declares is there as soon as its change is applied, and goes with it.
local function a_variable_comes_changes_and_goes()
	local function apply(verb, default)
		local changes = registry.snapshot():changes()
		local variable = { variable = "MOOD", storage = "app:settings", default = default }
		changes[verb](changes, { id = "app.tests:mood", kind = "env.variable", data = variable })
		assert(changes:apply())
	end
	apply("create", "calm")
	expect.same(env.get("MOOD"), "calm")
	apply("update", "merry")
	expect.same(env.get("MOOD"), "merry")
	assert(registry.snapshot():changes():delete("app.tests:mood"):apply())
	local _, err = env.get("MOOD")
	expect.same(err:kind(), "NotFound")
end

return {
	a_variable_comes_changes_and_goes = a_variable_comes_changes_and_goes,
	entries_are_found_by_what_they_are = entries_are_found_by_what_they_are,
}
