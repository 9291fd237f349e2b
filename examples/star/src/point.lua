local function main(hub, parent, trap)
	process.set_options({ trap_links = trap })
	local events = process.events()
	process.link(hub)
	process.send(parent, "linked")
	local event = events:receive()
	if event.kind == process.event.LINK_DOWN then
		return "told"
	end
end

return { main = main }
