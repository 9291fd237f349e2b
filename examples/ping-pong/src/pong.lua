local function main()
	local inbox = process.inbox()
	while true do
		local message = inbox:receive()
		if message:topic() == "stop" then
			return "stopped"
		end
		process.send(message:from(), "pong", message:payload():data() * 10)
	end
end

return { main = main }
