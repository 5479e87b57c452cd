(function(){var d=document,r=d.querySelectorAll("input[name=language]");function say(c){d.documentElement.lang=c}
r.forEach(function(i){i.addEventListener("change",function(){say(i.value)});
if((navigator.language||"").slice(0,2)===i.value){i.checked=true;say(i.value)}})})()
