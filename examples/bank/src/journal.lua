-- Decides on transfers and remembers them. An account is told of each one that concerns it
-- until it says that it has it: messages to an account that dies are lost.
local time = require("time")

local OPENING = 100

return function()
	process.registry.register("journal")
	local inbox, events = process.inbox(), process.events()
	local balances, histories, told = {}, {}, {}
	local count = 0
	for number = 1, 4 do
		local account = `account.{number}`
		balances[account] = OPENING
		histories[account] = { { id = 0, amount = OPENING } }
	end

	local function tell(account, id, amount)
		told[`{account} {id}`] = { account = account, id = id, amount = amount }
		process.send(account, "apply", { id = id, amount = amount })
	end

	local function transfer(from, to, amount)
		if not balances[from] or not balances[to] or balances[from] < amount then
			return false
		end
		count += 1
		for account, change in { [from] = -amount, [to] = amount } do
			balances[account] += change
			table.insert(histories[account], { id = count, amount = change })
			tell(account, count, change)
		end
		return true
	end

	process.ready()
	local again = time.ticker("1s")
	while true do
		local result = channel.select({
			events:case_receive(),
			inbox:case_receive(),
			again:channel():case_receive(),
		})
		if result.channel == events then
			if result.value.kind == process.event.CANCEL then
				return
			end
		elseif result.channel ~= inbox then
			for _, entry in told do
				process.send(entry.account, "apply", { id = entry.id, amount = entry.amount })
			end
		else
			local message = result.value
			local topic, from, data = message:topic(), message:from(), message:payload():data()
			if topic == "history" then
				process.send(from, "history", histories[data])
			elseif topic == "applied" then
				told[data] = nil
			elseif topic == "transfer" then
				process.send(from, "answer", transfer(data.from, data.to, data.amount))
			elseif topic == "balances" then
				process.send(from, "answer", { count = count, balances = balances })
			end
		end
	end
end
