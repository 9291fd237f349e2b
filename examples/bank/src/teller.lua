-- Moves money about.
local time = require("time")

return function()
	local events, inbox = process.events(), process.inbox()
	while true do
		local pause = time.after("100ms")
		local result = channel.select({ events:case_receive(), inbox:case_receive(), pause:case_receive() })
		if result.channel == events then
			return
		elseif result.channel == pause then
			local from, to = math.random(4), math.random(4)
			if from ~= to then
				local amount = math.random(50)
				local order = { from = `account.{from}`, to = `account.{to}`, amount = amount }
				process.send("journal", "transfer", order)
			end
		end
	end
end
