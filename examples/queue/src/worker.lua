local time = require("time")

return function(number)
	local events, inbox = process.events(), process.inbox()
	-- What the queue does not hear would be lost: then this worker fails, and begins anew.
	assert(process.send("queue", "idle", number))
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			return
		end
		local message = result.value
		if message:topic() == "job" then
			time.sleep("20ms")
			assert(process.send(message:from(), "done", message:payload():data()))
		end
	end
end
