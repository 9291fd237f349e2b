local time = require("time")

local function ask(whom, topic, data)
	process.send(whom, topic, data)
	return process.inbox():receive():payload():data()
end

return function()
	local order = { from = "account.1", to = "account.2", amount = 1 }
	print("a transfer:", ask("journal", "transfer", order))
	order.amount = 1000
	print("more than there is:", ask("journal", "transfer", order))
	local sum, books = 0, ask("journal", "balances", true)
	for _, balance in books.balances do
		sum += balance
	end
	print("all accounts together:", sum)
end
