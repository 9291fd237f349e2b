-- Answers each "birth" with the number of the life.
local function main()
	process.registry.register("register")
	local events, inbox = process.events(), process.inbox()
	local lives = 0
	process.ready()
	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			print("register: " .. lives .. " lives")
			return
		end
		lives += 1
		process.send(result.value:from(), "life", lives)
	end
end

return { main = main }
