local compress = require("compress")
local metrics = require("metrics")
local store = require("store")

-- Counts a visit. Of two that come at once one has to try again.
local function count(visits, name)
	while true do
		local entry = visits:entry(name)
		local condition = if entry then { if_version = entry.version } else { only_if_absent = true }
		local written, err = visits:put(name, (entry and entry.value or 0) + 1, condition)
		if written then
			metrics.counter_inc("shop.visits")
			return written.value
		elseif not err:retryable() and err:kind() ~= errors.ALREADY_EXISTS then
			return nil, err
		end
	end
end

local function run()
	local visits, err = store.get("app:visits")
	if not visits then
		return nil, err
	end
	local lines = {}
	for _, name in { "ada", "joan", "ada" } do
		table.insert(lines, `{name}: visit {count(visits, name)}`)
	end
	for _, entry in visits:list({ prefix = "a" }).items do
		table.insert(lines, `{entry.key} came {entry.value} times`)
	end

	-- A receipt that nobody may want is kept small, and for a day.
	local receipt = string.rep("tea 2.50\n", 200)
	visits:set("receipt:1", compress.zstd.encode(receipt), 24 * 60 * 60)
	local kept = visits:get("receipt:1")
	table.insert(lines, `small: {#kept < #receipt / 10}, whole: {compress.zstd.decode(kept) == receipt}`)
	return lines
end

return { run = run, count = count }
