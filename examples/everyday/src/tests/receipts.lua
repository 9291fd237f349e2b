local expect = require("expect")
local templates = require("templates")

return function()
	local receipts = templates.get("app:receipts")
	local page = receipts:render("receipt.html", { customer = "<b>", items = {}, total = 1 })
	expect.same(page, "<h1>Tea at Ada&#x27;s: &lt;B&gt;</h1>\n1.00")
	local _, err = receipts:render("receipt.html", { customer = "ada" })
	expect.fails(err, errors.INTERNAL, "failed to render template: undefined value: `items` is undefined (in receipt.html:2)")
end
