local function main(drink)
	if not drink then
		error("nothing to brew", 0)
	end
	local events, inbox = process.events(), process.inbox()
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			return "closed the " .. drink .. " bar"
		end
		local message = result.value
		local order = message:payload():data()
		process.send(message:from(), "done", order.cups .. " cups of " .. drink)
	end
end

return { main = main }
