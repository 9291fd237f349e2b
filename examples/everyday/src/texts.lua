local expr = require("expr")
local templates = require("templates")
local text = require("text")

-- Receipts: rules that are data, templates, and what changed between two of them.
local function run()
	local items = { { drink = "tea & milk", price = 2.5, cups = 2 }, { drink = "mate", price = 3, cups = 1 } }
	local total, err = expr.eval("sum(map(items, .price * .cups)) * (1 - discount)", { items = items, discount = 0.1 })
	if err then
		return nil, err
	end
	local receipts = templates.get("app:receipts")
	local page = receipts:render("receipt.html", { customer = "ada", items = items, total = total })
	local amounts = text.regexp.compile("[0-9]+\\.[0-9]{2}")
	local lines = text.regexp.compile("\n"):split(page)
	table.insert(lines, `amounts: {table.concat(amounts:find_all_string(page), " ")}`)
	local differ = text.diff.new()
	local changes = differ:summarize(differ:compare("ada owes 7.20", "ada paid 7.20"))
	table.insert(lines, `changed: {changes.insertions} in, {changes.deletions} out`)
	return lines
end

return { run = run }
