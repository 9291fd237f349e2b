local types = require("types")

type Reply = { total: number } | { problem: string }

local function total(order: types.Order): number
	local sum = 0
	for _, item in order.items do
		sum += item.count * item.price
	end
	return sum
end

-- Answers each order with its total, or with what is wrong in it.
local function main()
	local inbox = process.inbox()
	while true do
		local message = inbox:receive()
		local order, err = types.Order:is(message:payload():data())
		local reply = if order then { total = total(order) } else { problem = err:message() }
		process.send(message:from(), "reply", Reply(reply))
	end
end

return { main = main }
