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

return { entries_are_found_by_what_they_are = entries_are_found_by_what_they_are }
