"""Words that tell of soldiers, weapons and defences, in English and Ukrainian, in folded text.

What history, archaeology and damage reports say of the same things is left out where the words around it show
it: a trial trench, a monument to soldiers, damage by a missile.
"""

from oberih.trust._prose.finding import any_case, finder

__all__ = ["military"]

ENGLISH = r"""
    check-?points? | road-?blocks? | fox-?holes? | dug-?outs?(?!\ (?:canoe|boat)) | mine-?fields?
  | land-?mines? | booby\ traps? | unexploded | uxo | ammunition | ammo | munitions? | howitzers?
  | himars | s-?[34]00
  | (?<!trial\ )(?<!test\ )(?<!excavation\ )(?<!foundation\ )(?<!drainage\ )(?<!archaeological\ )
    (?<!evaluation\ )trench(?:es)?(?!\ (?:\d|[a-z]\b|excavat|dug\ in\ (?:1|20[01])))
  | artillery(?!\ (?:museum|bastion|tower|school|yard|house))
  | mortar\ (?:positions?|crews?|teams?|batter(?:y|ies))
  | missile\ (?:launchers?|batter(?:y|ies)|sites?|systems?) | rocket\ launchers?
  | air\ defen[cs]es? | anti-?aircraft | anti-?tank
  | t-(?:54|55|62|64|72|80|84|90)\w{0,2} | btr-?\d{0,2} | bmp-?[123]
  | armou?red\ (?:vehicle|personnel|car)\w{0,2} | tank\ (?:column|unit|position|brigade)s?
  | (?:battle|enemy|our|parked)\ tanks? | troops?
  | (?:army|military)\ (?: bases? | units? | positions? | posts? | camps? | depots? | vehicles? | convoys?
      | warehouses? | headquarters | equipment | facilit(?:y|ies) | airfields? | presence | personnel
      | objects? | trucks? | hospitals? )
  | firing\ (?:positions?|points?) | soldiers'?\ (?:positions?|posts?|are|live|sleep)
  | snipers? | command\ posts? | electronic\ warfare | radar\ (?:stations?|sites?|posts?)
  | dragon'?s\ teeth | czech\ hedgehogs? | (?:drone|uav)\ (?:operators?|crews?|units?|launch\w{0,3})
  | (?:battalion|brigade|regiment)\ (?:hq|headquarters|base|is|positions?) | territorial\ defen[cs]e
"""
UKRAINIAN = r"""
    блок-?пост\w{0,4} | окоп(?:и|ів|ах|ами|ам|у|і|ом)? | бліндаж\w{0,4} | розтяжк\w{1,3} | нерозірван\w{1,4}
  | (?<!археологічна\ )(?<!археологічній\ )(?<!розвідкова\ )(?<!розвідковій\ )(?<!дренажна\ )
    транше[яїюєй]\w{0,3}(?!\ (?:№|\d|розкоп))
  | військов\w{1,4}\ (?: частин | баз | об'єкт | технік | містечк | склад | полігон | аеродром | ешелон
      | колон | патрул | позиці | шпитал | госпітал | штаб | комендатур | автомобіл | підрозділ
      | машин )\w{0,4}
  | в/ч(?:\ ?[а-яa-z]?-?\d{2,5})? | військовослужбовц\w{1,4} | тероборон\w{1,3} | нацгварді\w{1,3}
  | вогнев\w{1,4}\ (?:позиці|точк)\w{1,3}
  | бойов\w{1,4}\ (?:позиці|машин|частин|технік|порядк|охорон)\w{1,4}
  | артилері[яїюєй]\w{0,3} | артилерійськ\w{1,4}\ (?:позиці|установк|частин|розрахун|склад)\w{1,4}
  | гаубиц\w{0,4} | міномет\w{0,4} | пусков\w{1,4}\ установк\w{0,4}
  | ракетн\w{1,4}\ (?:установк|комплекс|частин|баз|дивізіон)\w{0,4}
  | бронетехнік\w{1,2} | бронемашин\w{0,4} | бтр | бмп | рсзв | зрк | ппо | зсу | реб | дрг
  | танков\w{1,4}\ (?:колон|частин|бригад|батальйон|позиці)\w{0,4} | (?:ворож|наш)\w{1,3}\ танк\w{0,3}
  | колон\w{1,2}\ (?:військ\w{0,2}|техніки) | боєприпас\w{0,4} | боєкомплект\w{0,3}
  | мінн\w{1,3}\ (?:пол\w{1,3}|загородж\w{1,5}) | замінован\w{1,4}
  | розташуванн\w{1,2}\ (?:військ|підрозділ)\w{0,4} | дислок\w{3,9} | протитанков\w{1,4} | зуб\w{1,3}\ дракона
  | командн\w{1,4}\ пункт\w{0,3} | спостережн\w{1,4}\ (?:пункт|пост)\w{0,3} | снайпер\w{0,5}
  | позиці\w{1,3}\ (?:військ\w{0,5}|захисник\w{1,3}|оборонців|наших|ворога)
"""

military = finder(any_case(rf"(?<![\w-])(?:{ENGLISH}|{UKRAINIAN})(?!\w)"))
