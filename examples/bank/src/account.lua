-- One account: its balance is what its entries add up to. An entry that comes twice counts
-- once.
local time = require("time")

return function(number)
	local name = `account.{number}`
	local inbox, events = process.inbox(), process.events()
	local balance, applied = 0, {}
	-- Before the history is asked for: what comes from now on is in it or in the inbox.
	process.registry.register(name)

	local function apply(entry)
		if not applied[entry.id] then
			applied[entry.id] = true
			balance += entry.amount
		end
		process.send("journal", "applied", `{name} {entry.id}`)
	end

	local known = false
	process.send("journal", "history", name)
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			return
		end
		local message = result.value
		local topic, data = message:topic(), message:payload():data()
		if topic == "history" then
			for _, entry in data do
				apply(entry)
			end
			if not known then
				known = true
				process.ready()
			end
		elseif topic == "apply" then
			apply(data)
		elseif topic == "balance" then
			process.send(message:from(), "answer", { known = known, balance = balance })
		end
	end
end
