-- A part of the shop: says when it starts and stops, fails when it is told to.
return function(name)
	local events, inbox = process.events(), process.inbox()
	print(`+ {name}`)
	process.ready()
	local result = channel.select({ events:case_receive(), inbox:case_receive() })
	if result.channel == inbox then
		print(`! {name} fails`)
		error("told to", 0)
	end
	print(`- {name}`)
end
