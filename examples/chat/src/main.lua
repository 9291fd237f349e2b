local time = require("time")

return function()
	local inbox = process.inbox()
	process.send("room", "join", true)
	inbox:receive()
	process.send("room", "say", "good evening")
	while true do
		local message = inbox:receive()
		local line = message:payload():data()
		if line.text == "good evening" then
			print("heard: good evening")
			return
		end
	end
end
