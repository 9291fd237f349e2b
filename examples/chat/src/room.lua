-- Passes each line on to everybody who is there. It monitors its guests to forget those
-- who are gone.
return function()
	process.registry.register("room")
	local inbox, events = process.inbox(), process.events()
	local guests, said = {}, 0
	process.ready()
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			local event = result.value
			if event.kind == process.event.CANCEL then
				return
			end
			guests[event.from] = nil
		else
			local message = result.value
			local topic, from = message:topic(), message:from()
			if topic == "join" and (guests[from] or process.monitor(from)) then
				guests[from] = true
				process.send(from, "welcome", said)
			elseif topic == "say" then
				said += 1
				for guest in guests do
					process.send(guest, "line", { number = said, text = message:payload():data() })
				end
			elseif topic == "count" then
				local count = 0
				for _ in guests do
					count += 1
				end
				process.send(from, "count", { guests = count, said = said })
			end
		end
	end
end
