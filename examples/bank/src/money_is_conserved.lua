-- Nobody dies any more. The tellers go on, so the accounts may be behind by what is on its
-- way; once they agree with the journal, and that must come, all is there.
local time = require("time")

local function ask(whom, topic)
	assert(process.send(whom, topic, true))
	return process.inbox():receive():payload():data()
end

local function differs()
	local books, sum = ask("journal", "balances"), 0
	for account, balance in books.balances do
		assert(balance >= 0, `{account} is overdrawn`)
		sum += balance
	end
	assert(sum == 400, `there are {sum} instead of 400`)
	for account, balance in books.balances do
		local answer = ask(account, "balance")
		if not answer.known or answer.balance ~= balance then
			return `{account} has {answer.balance} instead of {balance}`
		end
	end
	return nil
end

return function()
	if not process.registry.lookup("journal") then
		return -- the bank was told to close
	end
	local difference
	for _ = 1, 50 do
		difference = differs()
		if not difference then
			return
		end
		time.sleep("37ms")
	end
	error(difference)
end
