-- Joins the room again when that is a new one, says something now and then, and takes its
-- time to read.
local time = require("time")

return function()
	local inbox, events = process.inbox(), process.events()
	local room, last
	while true do
		local pause = time.after(`{math.random(200, 2000)}ms`)
		local result = channel.select({ events:case_receive(), inbox:case_receive(), pause:case_receive() })
		if result.channel == events then
			if result.value.kind == process.event.CANCEL then
				return
			end
			room = nil -- the room is gone
		elseif result.channel == inbox then
			local message = result.value
			if message:from() == room and message:topic() == "welcome" then
				last = message:payload():data()
			elseif message:from() == room and message:topic() == "line" then
				local number = message:payload():data().number
				assert(number == last + 1, `line {number} after line {last}`)
				last = number
				time.sleep("5ms")
			end
		elseif room then
			process.send(room, "say", "hello")
		else
			room = process.registry.lookup("room")
			if room and process.monitor(room) then
				process.send(room, "join", true)
			else
				room = nil
			end
		end
	end
end
