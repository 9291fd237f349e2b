-- Row 13: n processes sleep between one and three seconds; how late they wake.
return function(n)
    n = tonumber(n)
    local inbox, late = process.inbox(), {}
    for _ = 1, n do
        process.spawn("app:sleeper", "app:processes", process.pid())
    end
    for i = 1, n do
        late[i] = inbox:receive():payload():data()
    end
    table.sort(late)
    print("RESULT timer_p99", late[math.ceil(n * 0.99)], "ms")
end
