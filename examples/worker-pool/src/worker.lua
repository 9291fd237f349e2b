local function main(id, pool)
	local events, inbox = process.events(), process.inbox()
	process.send(pool, "up", id)
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			return "cancelled"
		end
		local job = result.value:payload():data()
		if job == "poison" then
			error("cannot eat poison", 0)
		end
		print("worker " .. id .. " ate " .. job)
	end
end

return { main = main }
