local orders = {
	{ customer = "ada", delivery = "post", items = { { name = "tea", count = 2, price = 3.5 } } },
	{ customer = "ada", items = {} },
	{ customer = "Bob!", delivery = "post", items = {} },
	{ customer = "cy", delivery = "drone", items = {} },
	{ customer = "dee", delivery = "collect", items = { { name = "cup", count = 0.5, price = 1 } } },
	{ customer = "eve", delivery = "collect", items = {}, note = "please leave it at the door" },
}

local function main()
	local replies = process.listen("reply")
	local till = process.spawn("app:till", "app:processes")
	for _, order in orders do
		process.send(till, "order", order)
		local reply = replies:receive() as { total?: number, problem?: string }
		print(order.customer, reply.total or reply.problem!)
	end
	process.terminate(till)
end

return { main = main }
