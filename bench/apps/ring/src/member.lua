-- Hands a count to the next member, one less each time; who gets 0 says so.
return function(next, bench)
    local inbox = process.inbox()
    while true do
        local hops = inbox:receive():payload():data()
        if hops == 0 then
            process.send(bench, "done")
        else
            process.send(next, "token", hops - 1)
        end
    end
end
