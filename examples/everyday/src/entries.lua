local env = require("env")
local funcs = require("funcs")
local registry = require("registry")

local function offer(code)
	return {
		id = "app:offer",
		kind = "function.lua",
		meta = { comment = "made while the shop is open" },
		data = { source = `return \{ price = function(price) return {code} end }`, method = "price" },
	}
end

-- An offer comes, becomes a better one and goes, while the application runs. Then prices are in gold for a moment.
local function run()
	local lines = {}
	local before = registry.current_version()
	local function apply(what, change)
		local changes = registry.snapshot():changes()
		change(changes)
		local version, err = changes:apply()
		if err then
			error(err)
		end
		local price, missing = funcs.call("app:offer", 10)
		table.insert(lines, `{what}: {price or missing:kind()}`)
		return version
	end
	local first = apply("new", function(changes)
		changes:create(offer("price - 1"))
	end)
	local better = apply("better", function(changes)
		changes:update(offer("price / 2"))
	end)
	local _, err = registry.snapshot():changes():update(offer("price *")):apply()
	table.insert(lines, `broken: {err:kind()}, still {funcs.call("app:offer", 10)}`)
	apply("gone", function(changes)
		changes:delete("app:offer")
	end)
	table.insert(lines, `one after the other: {better:previous():id() == first:id()}`)

	local currency = registry.get("app:currency")
	currency.data.default = "gold"
	assert(registry.snapshot():changes():update(currency):apply())
	table.insert(lines, `prices in {env.get("CURRENCY")}`)
	assert(registry.apply_version(before))
	table.insert(lines, `taken back: prices in {env.get("CURRENCY")}`)
	return lines
end

return { run = run }
