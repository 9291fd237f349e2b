return function(number)
	local events, inbox = process.events(), process.inbox()
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			return "cancelled"
		end
		local job = result.value:payload():data()
		if job == "poison" then
			error("cannot eat poison", 0)
		end
		process.send(result.value:from(), "ate", `worker {number} ate {job}`)
	end
end
